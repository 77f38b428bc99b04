"""the operator's papers; whether a source carries marks of AI"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import audit.columns

revision = '0016'
down_revision = '0015'


def upgrade() -> None:
    op.create_table('paper',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('document', audit.columns.Digest(), nullable=False),
    sa.Column('covers', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('valid_from', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('valid_until', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('registered_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('registered_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('ended_at', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    with op.batch_alter_table('paper', schema=None) as batch_op:
        batch_op.create_index('paper_in_force', ['tenant_id', 'ended_at', 'valid_until'], unique=False)

    # Null of what came before: nobody looked, so two people must.
    with op.batch_alter_table('source', schema=None) as batch_op:
        batch_op.add_column(sa.Column('marked', sa.Boolean(), nullable=True))
