"""who attests, who may act for whom, second signatures, head turns"""

import sqlalchemy as sa
from alembic import op

import audit.columns

revision = '0014'
down_revision = '0013'

INSTANT = audit.columns.Instant(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table('person', schema=None) as batch_op:
        batch_op.add_column(sa.Column('attested_by', sa.String(), nullable=True))
        for name in ('attested_at', 'fourteen_from', 'adult_from', 'deceased_at'):
            batch_op.add_column(sa.Column(name, INSTANT, nullable=True))
    op.create_table(
        'proof_service',
        sa.Column('tenant_id', sa.String(length=64), nullable=False),
        sa.Column('key', audit.columns.Digest(), nullable=False),
        sa.Column('service', sa.String(), nullable=False),
        sa.Column('adopted_at', INSTANT, nullable=False),
        sa.Column('retired_at', INSTANT, nullable=True),
        sa.Column('compromised_from', INSTANT, nullable=True),
        sa.Column('entry', audit.columns.Digest(), nullable=False),
        sa.PrimaryKeyConstraint('tenant_id', 'key'),
    )
    op.create_table(
        'attestation',
        sa.Column('tenant_id', sa.String(length=64), nullable=False),
        sa.Column('nonce', audit.columns.Identifier(), nullable=False),
        sa.Column('handle', audit.columns.Identifier(), nullable=True),
        sa.Column('person_id', audit.columns.Identifier(), nullable=False),
        sa.Column('key', audit.columns.Digest(), nullable=False),
        sa.Column('signed', sa.LargeBinary(), nullable=False),
        sa.Column('received_at', INSTANT, nullable=False),
        sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id']),
        sa.ForeignKeyConstraint(['tenant_id', 'key'], ['proof_service.tenant_id', 'proof_service.key']),
        sa.PrimaryKeyConstraint('tenant_id', 'nonce'),
        sa.UniqueConstraint('tenant_id', 'handle'),
    )
    op.create_index('ix_attestation_person_id', 'attestation', ['person_id'], unique=False)
    op.create_table(
        'kin',
        sa.Column('tenant_id', sa.String(length=64), nullable=False),
        sa.Column('id', audit.columns.Identifier(), nullable=False),
        sa.Column('person_id', audit.columns.Identifier(), nullable=False),
        sa.Column('representative', audit.columns.Identifier(), nullable=False),
        sa.Column('office', sa.String(), nullable=False),
        sa.Column('relation', sa.String(), nullable=False),
        sa.Column('evidence', audit.columns.Digest(), nullable=False),
        sa.Column('since', INSTANT, nullable=False),
        sa.Column('until', INSTANT, nullable=True),
        sa.Column('entry', audit.columns.Digest(), nullable=False),
        sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id']),
        sa.ForeignKeyConstraint(['tenant_id', 'representative'], ['person.tenant_id', 'person.id']),
        sa.PrimaryKeyConstraint('tenant_id', 'id'),
    )
    op.create_index('ix_kin_person_id', 'kin', ['person_id'], unique=False)
    op.create_index('ix_kin_representative', 'kin', ['representative'], unique=False)
    op.create_table(
        'cosignature',
        sa.Column('tenant_id', sa.String(length=64), nullable=False),
        sa.Column('authorization_id', audit.columns.Identifier(), nullable=False),
        sa.Column('evidence', sa.LargeBinary(), nullable=False),
        sa.Column('received_at', INSTANT, nullable=False),
        sa.Column('kid', sa.String(), nullable=False),
        sa.Column('countersignature', sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ['tenant_id', 'authorization_id'], ['signed_authorization.tenant_id', 'signed_authorization.id']
        ),
        sa.PrimaryKeyConstraint('tenant_id', 'authorization_id'),
    )
    op.create_table(
        'capture',
        sa.Column('tenant_id', sa.String(length=64), nullable=False),
        sa.Column('id', audit.columns.Identifier(), nullable=False),
        sa.Column('person_id', audit.columns.Identifier(), nullable=False),
        sa.Column('authorization_id', audit.columns.Identifier(), nullable=False),
        sa.Column('turns', sa.String(), nullable=False),
        sa.Column('asked_at', INSTANT, nullable=False),
        sa.Column('until', INSTANT, nullable=False),
        sa.Column('taken_at', INSTANT, nullable=True),
        sa.Column('outcome', sa.String(), nullable=True),
        sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id']),
        sa.ForeignKeyConstraint(
            ['tenant_id', 'authorization_id'], ['signed_authorization.tenant_id', 'signed_authorization.id']
        ),
        sa.PrimaryKeyConstraint('tenant_id', 'id'),
    )
    op.create_index('capture_person', 'capture', ['tenant_id', 'person_id', 'asked_at'], unique=False)
