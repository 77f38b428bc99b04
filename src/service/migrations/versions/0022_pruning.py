"""prunings of the log; an event of a consent may outlive its entry"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import audit.columns

revision = '0022'
down_revision = '0021'

# Constraints of the first tables have no names: PostgreSQL gave them its own, SQLite none.
_NAMES = {'fk': 'fk_%(table_name)s_%(referred_table_name)s'}


def upgrade() -> None:
    op.create_table('log_pruning',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('minimum', sa.BigInteger(), nullable=False),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.Column('at', audit.columns.Instant(), nullable=False),
    sa.Column('shown', sa.Boolean(), nullable=False),
    sa.Column('done', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'minimum')
    )
    if op.get_bind().dialect.name == 'postgresql':
        op.drop_constraint('consent_event_tenant_id_leaf_hash_fkey', 'consent_event', type_='foreignkey')
        return
    with op.batch_alter_table('consent_event', naming_convention=_NAMES) as batch:
        batch.drop_constraint('fk_consent_event_log_entry', type_='foreignkey')
