"""refusals, protection, who was tried, hands on data of one's own, and faces assigned by hand"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import audit.columns

revision = '0015'
down_revision = '0014'


def upgrade() -> None:
    op.create_table('cast_tally',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('of', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('opened_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'of')
    )
    op.create_table('confirmation',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('about', audit.columns.Identifier(), nullable=False),
    sa.Column('by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('person_id', audit.columns.Identifier(), nullable=True),
    sa.Column('binding', audit.columns.Digest(), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'about', 'by')
    )
    op.create_table('refusal',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('value', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('ended_at', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    with op.batch_alter_table('refusal', schema=None) as batch_op:
        batch_op.create_index('refusal_value', ['tenant_id', 'kind', 'value'], unique=False)

    op.create_table('cast_trial',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('of', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('person_id', audit.columns.Identifier(), nullable=False),
    sa.Column('refused', sa.Boolean(), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'of'], ['cast_tally.tenant_id', 'cast_tally.of'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'of', 'person_id')
    )
    op.create_table('erasure',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('person_id', audit.columns.Identifier(), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('left', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('evidence_until', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'person_id')
    )
    with op.batch_alter_table('erasure', schema=None) as batch_op:
        batch_op.create_index('erasure_due', ['tenant_id', 'left', 'evidence_until'], unique=False)

    op.create_table('face_search',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('person_id', audit.columns.Identifier(), nullable=False),
    sa.Column('what', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('compared', sa.Integer(), nullable=False),
    sa.Column('found_id', audit.columns.Identifier(), nullable=True),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('released_by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'found_id'], ['person.tenant_id', 'person.id'], ),
    sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    with op.batch_alter_table('face_search', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_face_search_found_id'), ['found_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_face_search_person_id'), ['person_id'], unique=False)

    op.create_table('petition',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('person_id', audit.columns.Identifier(), nullable=False),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('asked_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('due_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.Column('answered_at', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('outcome', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('answer', audit.columns.Digest(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    with op.batch_alter_table('petition', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_petition_person_id'), ['person_id'], unique=False)
        batch_op.create_index('petition_open', ['tenant_id', 'answered_at', 'due_at'], unique=False)

    op.create_table('assignment',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('template_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('binding', audit.columns.Digest(), nullable=False),
    sa.Column('by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'template_id'], ['template.tenant_id', 'template.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'template_id')
    )
    op.create_table('protection',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('person_id', audit.columns.Identifier(), nullable=False),
    sa.Column('authorization_id', audit.columns.Identifier(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('evidence', sa.LargeBinary(), nullable=False),
    sa.Column('received_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('ended_at', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'authorization_id'], ['signed_authorization.tenant_id', 'signed_authorization.id'], ),
    sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    with op.batch_alter_table('protection', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_protection_person_id'), ['person_id'], unique=False)
        batch_op.create_index('protection_ended', ['tenant_id', 'ended_at'], unique=False)

    with op.batch_alter_table('template', schema=None) as batch_op:
        batch_op.add_column(
            sa.Column('matching', sqlmodel.sql.sqltypes.AutoString(), nullable=False, server_default='CLOSED_SET')
        )
    # Whatever was announced before was compared.
    with op.batch_alter_table('template', schema=None) as batch_op:
        batch_op.alter_column('matching', server_default=None)
