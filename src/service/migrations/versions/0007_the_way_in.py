"""uploads in parts, scans that were asked for, templates by pages"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import audit.columns

revision = '0007'
down_revision = '0006'


def upgrade() -> None:
    op.create_table('upload',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('template_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('owner', audit.columns.Identifier(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('offset', sa.BigInteger(), nullable=False),
    sa.Column('delete_after', audit.columns.Instant(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'template_id'], ['template.tenant_id', 'template.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    with op.batch_alter_table('upload', schema=None) as batch_op:
        batch_op.create_index('ix_upload_delete_after', ['tenant_id', 'delete_after'], unique=False)

    op.create_table('scan_order',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('template_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('requester', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('done', sa.Integer(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=True),
    sa.Column('decision_id', audit.columns.Identifier(), nullable=True),
    sa.Column('outcome', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('asked_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('changed_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'template_id'], ['template.tenant_id', 'template.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    with op.batch_alter_table('scan_order', schema=None) as batch_op:
        batch_op.create_index('ix_scan_order_template', ['tenant_id', 'template_id', 'asked_at'], unique=False)

    with op.batch_alter_table('source', schema=None) as batch_op:
        batch_op.create_index('ix_source_announced', ['tenant_id', 'announced_at'], unique=False)

    with op.batch_alter_table('template', schema=None) as batch_op:
        batch_op.create_index('ix_template_source', ['tenant_id', 'source_id'], unique=False)
