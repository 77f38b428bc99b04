"""passkeys, and the links by which people sign"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import audit.columns

revision = '0010'
down_revision = '0009'


def upgrade() -> None:
    op.create_table(
        'passkey',
        sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column('key', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('credential', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('count', sa.BigInteger(), nullable=False),
        sa.Column('client_data', sa.LargeBinary(), nullable=False),
        sa.Column('attestation', sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(['tenant_id', 'key'], ['person_key.tenant_id', 'person_key.key']),
        sa.PrimaryKeyConstraint('tenant_id', 'key'),
        sa.UniqueConstraint('tenant_id', 'credential'),
    )
    op.create_table(
        'link',
        sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column('id', audit.columns.Digest(), nullable=False),
        sa.Column('act', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('person_id', audit.columns.Identifier(), nullable=False),
        sa.Column('document', sa.LargeBinary(), nullable=True),
        sa.Column('head', audit.columns.Digest(), nullable=True),
        sa.Column('issued_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('expires_at', audit.columns.Instant(timezone=True), nullable=False),
        sa.Column('used_at', audit.columns.Instant(timezone=True), nullable=True),
        sa.Column('challenge', audit.columns.Digest(), nullable=True),
        sa.Column('challenge_until', audit.columns.Instant(timezone=True), nullable=True),
        sa.Column('entry', audit.columns.Digest(), nullable=False),
        sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id']),
        sa.PrimaryKeyConstraint('tenant_id', 'id'),
    )
    with op.batch_alter_table('link', schema=None) as batch_op:
        batch_op.create_index('ix_link_person', ['tenant_id', 'person_id', 'act'], unique=False)
        batch_op.create_index('ix_link_expires_at', ['tenant_id', 'expires_at'], unique=False)
