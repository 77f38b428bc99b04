"""`consentry purge`: delete what has reached its date, now. The worker does it every minute."""

from rich.markup import escape
from rich.table import Table

from audit.canonical import Json
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.console import Exit
from service.retention import CLASSES, purger

app = group("purge", "Delete what has reached its date.")


@command(app, "purge")
def purge(desk: Desk) -> Answer:
    """Delete what has reached its date, class by class, and say how long each class is kept.

    Each class of which something went leaves an entry that counts and names nobody.
    """
    done = purger(desk.record).run()
    desk.record.log.publish(now=desk.record.clock())
    table = Table("class", "kept until", "deleted now")
    classes: list[Json] = []
    for one in CLASSES:
        count, failed = done.gone.get(one.name, 0), done.failed.get(one.name)
        table.add_row(one.name, one.until, escape(failed) if failed else str(count))
        classes.append({"class": one.name, "until": one.until, "deleted": count, "error": failed})
    desk.voice.show(table)
    return Answer({"classes": classes}, Exit.UNREADY if done.failed else Exit.OK)
