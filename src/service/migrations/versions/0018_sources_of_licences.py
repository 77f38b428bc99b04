"""the videos that licences are for, to find them by"""

import json

import sqlalchemy as sa
import sqlmodel
from alembic import op

import audit.columns

revision = '0018'
down_revision = '0017'


def upgrade() -> None:
    table = op.create_table(
        'rights_licence_source',
        sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column('licence_id', audit.columns.Identifier(), nullable=False),
        sa.Column('source', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ['tenant_id', 'licence_id'], ["rights_licence.tenant_id", "rights_licence.id"]
        ),
        sa.PrimaryKeyConstraint('tenant_id', 'licence_id', 'source'),
    )
    op.create_index('ix_rights_licence_source', 'rights_licence_source', ['tenant_id', 'source'])
    licences = sa.table(
        'rights_licence',
        sa.column('tenant_id', sqlmodel.sql.sqltypes.AutoString()),
        sa.column('id', audit.columns.Identifier()),
        sa.column('document', sa.LargeBinary()),
    )
    for tenant, licence, document in op.get_bind().execute(sa.select(licences)).all():
        said = json.loads(document)['sources']
        sources = [said] if isinstance(said, str) else said
        rows = [{'tenant_id': tenant, 'licence_id': licence, 'source': source} for source in sources]
        op.bulk_insert(table, rows)
