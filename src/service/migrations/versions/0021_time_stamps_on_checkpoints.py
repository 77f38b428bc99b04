"""time stamps of authorities over checkpoints"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import audit.columns

revision = '0021'
down_revision = '0020'


def upgrade() -> None:
    op.create_table('log_stamp',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('authority', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('digest', audit.columns.Digest(), nullable=False),
    sa.Column('response', sa.LargeBinary(), nullable=False),
    sa.Column('says', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'size'], ['log_checkpoint.tenant_id', 'log_checkpoint.size'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'size', 'authority')
    )
