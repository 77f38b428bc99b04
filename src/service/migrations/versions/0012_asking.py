"""requests for consent, pauses, reminders, contracts from before"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import audit.columns

revision = '0012'
down_revision = '0011'


def upgrade() -> None:
    with op.batch_alter_table('consent_state', schema=None) as batch_op:
        batch_op.add_column(sa.Column('paused', sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table('consent_state', schema=None) as batch_op:
        batch_op.alter_column('paused', server_default=None)
    with op.batch_alter_table('consent_event', schema=None) as batch_op:
        batch_op.add_column(sa.Column('paused', sa.Boolean(), nullable=True))

    op.create_table('consent_request',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('person_id', audit.columns.Identifier(), nullable=False),
    sa.Column('notice', audit.columns.Digest(), nullable=False),
    sa.Column('template', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('asked_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('asked_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('until', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('link', audit.columns.Digest(), nullable=True),
    sa.Column('link_until', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('authorization_id', audit.columns.Identifier(), nullable=True),
    sa.Column('extent', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('declined', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('closed_at', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('head', audit.columns.Digest(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'authorization_id'], ['signed_authorization.tenant_id', 'signed_authorization.id'], ),
    sa.ForeignKeyConstraint(['tenant_id', 'notice'], ['notice.tenant_id', 'notice.sha256'], ),
    sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    with op.batch_alter_table('consent_request', schema=None) as batch_op:
        batch_op.create_index('consent_request_open', ['tenant_id', 'state', 'until'], unique=False)
        batch_op.create_index('consent_request_person', ['tenant_id', 'person_id', 'asked_at'], unique=False)

    op.create_table('consent_reminder',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('authorization_id', audit.columns.Identifier(), nullable=False),
    sa.Column('days', sa.Integer(), nullable=False),
    sa.Column('person_id', audit.columns.Identifier(), nullable=False),
    sa.Column('until', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('told_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'authorization_id'], ['signed_authorization.tenant_id', 'signed_authorization.id'], ),
    sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'authorization_id', 'days')
    )
    with op.batch_alter_table('consent_reminder', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_consent_reminder_person_id'), ['person_id'], unique=False)

    op.create_table('unproven_contract',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('sha256', audit.columns.Digest(), nullable=False),
    sa.Column('person_id', audit.columns.Identifier(), nullable=True),
    sa.Column('claims', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('claimed_until', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('imported_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('imported_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id'),
    sa.UniqueConstraint('tenant_id', 'sha256')
    )
