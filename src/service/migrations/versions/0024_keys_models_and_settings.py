"""keys, models and settings over time"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import audit.columns

revision = '0024'
down_revision = '0022'


def upgrade() -> None:
    op.create_table('kept_bytes',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('digest', audit.columns.Digest(), nullable=False),
    sa.Column('data', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'digest')
    )
    op.create_table('adoption',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(length=32), nullable=False),
    sa.Column('number', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('digest', audit.columns.Digest(), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'digest'], ['kept_bytes.tenant_id', 'kept_bytes.digest']),
    sa.PrimaryKeyConstraint('tenant_id', 'kind', 'number')
    )
    op.create_table('duty_key',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('number', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('duty', sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
    sa.Column('kid', sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
    sa.Column('public', audit.columns.Digest(), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.Column('retired_at', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('retired', audit.columns.Digest(), nullable=True),
    sa.Column('void_from', sa.BigInteger(), nullable=True),
    sa.Column('void_at', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('voided', audit.columns.Digest(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id', 'public'], ['kept_bytes.tenant_id', 'kept_bytes.digest']),
    sa.PrimaryKeyConstraint('tenant_id', 'number')
    )
    op.create_index('duty_key_kid', 'duty_key', ['tenant_id', 'kid'])
