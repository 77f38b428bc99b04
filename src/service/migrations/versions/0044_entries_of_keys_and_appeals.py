"""the entries of API keys and of appeals"""

import sqlalchemy as sa
from alembic import op

import audit.columns

revision = '0044'
down_revision = '0038'


def upgrade() -> None:
    # Of rows that are there it stays empty: what the log says is sealed, and they are found by their id.
    for table in ('api_key', 'appeal'):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column('entry', audit.columns.Digest(), nullable=True))
