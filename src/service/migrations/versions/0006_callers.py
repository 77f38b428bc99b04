"""keys for the API, idempotency keys, words of operators who would lift a hold"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import audit.columns

revision = '0006'
down_revision = '0004'


def upgrade() -> None:
    op.create_table('api_key',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('secret', audit.columns.Digest(), nullable=False),
    sa.Column('role', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('person_id', audit.columns.Identifier(), nullable=True),
    sa.Column('issued_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('expires_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('revoked_at', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('used_at', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('follows', audit.columns.Identifier(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    op.create_table('once',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Digest(), nullable=False),
    sa.Column('fingerprint', audit.columns.Digest(), nullable=False),
    sa.Column('effective', sa.Boolean(), nullable=False),
    sa.Column('answer', sa.LargeBinary(), nullable=True),
    sa.Column('begun_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('delete_after', audit.columns.Instant(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    with op.batch_alter_table('once', schema=None) as batch_op:
        batch_op.create_index('ix_once_delete_after', ['tenant_id', 'delete_after'], unique=False)

    op.create_table('hold_approval',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('decision_id', audit.columns.Identifier(), nullable=False),
    sa.Column('operator', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'decision_id'], ['decision.tenant_id', 'decision.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'decision_id')
    )
