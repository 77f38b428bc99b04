"""cosignatures of witnesses under checkpoints"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = '0020'
down_revision = '0019'


def upgrade() -> None:
    op.create_table('log_cosignature',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('witness', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('line', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'size'], ['log_checkpoint.tenant_id', 'log_checkpoint.size'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'size', 'witness')
    )
