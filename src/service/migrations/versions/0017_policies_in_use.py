"""policies in use, with their files"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import audit.columns

revision = '0017'
down_revision = '0016'


def upgrade() -> None:
    op.create_table('kept_policy',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('digest', audit.columns.Digest(), nullable=False),
    sa.Column('files', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'digest')
    )
    op.create_table('adopted_policy',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('number', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('digest', audit.columns.Digest(), nullable=False),
    sa.Column('packs', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('signers', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'digest'], ['kept_policy.tenant_id', 'kept_policy.digest']),
    sa.PrimaryKeyConstraint('tenant_id', 'number')
    )
