"""`consentry upgrade`: the tables of a data folder, brought to this version while nobody writes."""

import os

from service import schema
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.cli.init import publish_notices
from service.database import Database
from service.sealer import sealer

app = group("upgrade", "Bring the tables to this version.")


@command(app, "upgrade")
def upgrade(desk: Desk) -> Answer:
    """Change the tables in one transaction, while API and workers answer that nothing can be written.

    Make a backup first, and put a new one in its place afterwards: what people signed lies open in copies of
    versions that did not seal it. Then start this version everywhere: a process of the one before refuses.
    """
    database = Database(desk.settings.database_url)
    try:
        with sealer(desk.settings, os.urandom) as seal:
            before = schema.upgrade(database, seal)
        after = schema.expected()
    finally:
        database.close()
    published = publish_notices(desk)
    desk.voice.say(f"[bold green]upgraded[/] from revision {before} to {after}")
    desk.voice.hint("consentry doctor")
    return Answer({"before": before, "after": after, "notices": list(published)})
