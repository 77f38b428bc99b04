"""how far a job came, and when it was asked for"""

import sqlalchemy as sa
from alembic import op

import audit.columns

revision = '0009'
down_revision = '0007'


def upgrade() -> None:
    with op.batch_alter_table('job', schema=None) as batch_op:
        batch_op.add_column(sa.Column('done', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('total', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('asked_at', audit.columns.Instant(timezone=True), nullable=True))
    # Of jobs that are there, this is the nearest that is known.
    op.execute('UPDATE job SET asked_at = changed_at')
    with op.batch_alter_table('job', schema=None) as batch_op:
        batch_op.alter_column('done', server_default=None)
        batch_op.alter_column('asked_at', existing_type=audit.columns.Instant(timezone=True), nullable=False)
        batch_op.create_index('ix_job_asked_at', ['tenant_id', 'asked_at', 'id'], unique=False)
