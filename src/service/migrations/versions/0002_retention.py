"""everything stored has a class and a date"""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

import audit.columns

revision = '0002'
down_revision = '0001'

SOURCE = sa.table(
    'source',
    sa.column('tenant_id'),
    sa.column('id'),
    sa.column('retention'),
    sa.column('delete_after', audit.columns.Instant()),
)
TEMPLATE = sa.table(
    'template',
    sa.column('tenant_id'),
    sa.column('source_id'),
    sa.column('state'),
    sa.column('frozen', sa.Boolean()),
    sa.column('changed_at', audit.columns.Instant()),
)


def upgrade() -> None:
    with op.batch_alter_table('source', schema=None) as batch_op:
        batch_op.create_index('ix_source_due', ['tenant_id', 'retention', 'delete_after'], unique=False)
    with op.batch_alter_table('donor', schema=None) as batch_op:
        batch_op.create_index('ix_donor_due', ['tenant_id', 'deleted', 'delete_after'], unique=False)
    with op.batch_alter_table('output', schema=None) as batch_op:
        batch_op.create_index('ix_output_due', ['tenant_id', 'delete_after'], unique=False)
    # Published templates and outputs made before keep no date of their own: the gate and the serving gate
    # end them with their consents, and a purge of theirs begins with the next decision on them.
    connection = op.get_bind()
    for row in connection.execute(sa.select(TEMPLATE)).mappings().all():
        kept, days = _kept(row['state'], frozen=row['frozen'])
        until = None if days is None else row['changed_at'] + timedelta(days=days)
        connection.execute(
            sa.update(SOURCE)
            .where(SOURCE.c.tenant_id == row['tenant_id'], SOURCE.c.id == row['source_id'])
            .values(retention=kept, delete_after=until)
        )


def _kept(state: str, *, frozen: bool) -> tuple[str, int | None]:
    if frozen:
        return 'withdrawn-template', 1
    return {'published': ('published-template', None), 'refused': ('refused-template', 1)}.get(
        state, ('unanswered-template', 14)
    )
