"""indexes over what is counted at each scrape"""

from alembic import op

revision = '0004'
down_revision = '0002'


def upgrade() -> None:
    with op.batch_alter_table('decision', schema=None) as batch_op:
        batch_op.create_index('decision_at', ['tenant_id', 'at'], unique=False)
    with op.batch_alter_table('job', schema=None) as batch_op:
        batch_op.create_index('job_state', ['tenant_id', 'state', 'changed_at'], unique=False)

