"""licences of portraits and of works, and who signs them"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import audit.columns

revision = '0013'
down_revision = '0012'


def upgrade() -> None:
    op.create_table(
        'rights_party',
        sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column('id', audit.columns.Identifier(), nullable=False),
        sa.Column('scheme', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('number', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('contact', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('key', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('method', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('registered_at', audit.columns.Instant(timezone=True), nullable=False),
        sa.Column('entry', audit.columns.Digest(), nullable=False),
        sa.PrimaryKeyConstraint('tenant_id', 'id'),
        sa.UniqueConstraint('tenant_id', 'key'),
    )
    op.create_table(
        'rights_licence',
        sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column('id', audit.columns.Identifier(), nullable=False),
        sa.Column('digest', audit.columns.Digest(), nullable=False),
        sa.Column('paper', audit.columns.Digest(), nullable=True),
        sa.Column('person_id', audit.columns.Identifier(), nullable=True),
        sa.Column('document', sa.LargeBinary(), nullable=False),
        sa.Column('evidence', sa.LargeBinary(), nullable=True),
        sa.Column('vouched_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('received_at', audit.columns.Instant(timezone=True), nullable=False),
        sa.Column('entry', audit.columns.Digest(), nullable=False),
        sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id']),
        sa.PrimaryKeyConstraint('tenant_id', 'id'),
        sa.UniqueConstraint('tenant_id', 'digest'),
    )
    op.create_index('ix_rights_licence_paper', 'rights_licence', ['tenant_id', 'paper'])
    op.create_index('ix_rights_licence_person', 'rights_licence', ['tenant_id', 'person_id'])
    op.create_table(
        'rights_licence_ending',
        sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column('licence_id', audit.columns.Identifier(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('how', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('actor', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
        sa.Column('ends_at', audit.columns.Instant(timezone=True), nullable=False),
        sa.Column('entry', audit.columns.Digest(), nullable=False),
        sa.ForeignKeyConstraint(
            ['tenant_id', 'licence_id'], ['rights_licence.tenant_id', 'rights_licence.id']
        ),
        sa.PrimaryKeyConstraint('tenant_id', 'licence_id', 'number'),
    )
