"""erasure in steps; legal holds"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import audit.columns

revision = '0019'
down_revision = '0018'


def upgrade() -> None:
    op.create_table('legal_hold',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('person_id', audit.columns.Identifier(), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('ended_at', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    with op.batch_alter_table('legal_hold', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_legal_hold_person_id'), ['person_id'], unique=False)

    # Keys that were destroyed before have copies that open yet: they wait for another KEK.
    with op.batch_alter_table('erasure', schema=None) as batch_op:
        batch_op.add_column(
            sa.Column('step', sqlmodel.sql.sqltypes.AutoString(), nullable=False, server_default='due')
        )
        batch_op.add_column(sa.Column('parts', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('epoch', sa.Integer(), nullable=True))
    op.execute("UPDATE erasure SET step = 'destroyed' WHERE \"left\" <> 'all'")
    with op.batch_alter_table('erasure', schema=None) as batch_op:
        batch_op.alter_column('step', server_default=None)
        batch_op.alter_column('parts', server_default=None)
        batch_op.create_index('erasure_step', ['tenant_id', 'step'], unique=False)
