"""the permit by which a template's video came in"""

import json

import sqlalchemy as sa
import sqlmodel
from alembic import op

import audit.columns

revision = '0027'
down_revision = '0024'

TEXT, INSTANT = sqlmodel.sql.sqltypes.AutoString(), audit.columns.Instant(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table('template', schema=None) as batch_op:
        batch_op.add_column(sa.Column('taken_in_by', audit.columns.Identifier(), nullable=True))
    decision = sa.table(
        'decision',
        *(sa.column(name, TEXT) for name in ('tenant_id', 'id', 'action', 'answer')),
        sa.column('case', sa.LargeBinary()),
        sa.column('at', INSTANT),
    )
    source = sa.table(
        'source',
        *(sa.column(name, TEXT) for name in ('tenant_id', 'id', 'received_digest')),
        sa.column('announced_at', INSTANT),
    )
    template = sa.table(
        'template', *(sa.column(name, TEXT) for name in ('tenant_id', 'id', 'source_id', 'taken_in_by'))
    )
    bind = op.get_bind()
    # The question names the video; the last permit before it was announced is the one it came in by.
    asked = (
        sa.select(decision.c.tenant_id, decision.c.id, decision.c.case, decision.c.at)
        .where(decision.c.action == 'intake', decision.c.answer == 'permit')
        .order_by(decision.c.at)
    )
    permits: dict[tuple[str, str], list] = {}
    for tenant, id_, case, at in bind.execute(asked).all():
        video = (json.loads(case).get('source') or {}).get('received_digest')
        permits.setdefault((tenant, video), []).append((at, id_))
    announced = sa.select(
        template.c.tenant_id, template.c.id, source.c.received_digest, source.c.announced_at
    ).where(template.c.tenant_id == source.c.tenant_id, template.c.source_id == source.c.id)
    for tenant, id_, video, announced_at in bind.execute(announced).all():
        before = [permit for at, permit in permits.get((tenant, video), []) if at <= announced_at]
        if before:
            mine = (template.c.tenant_id == tenant, template.c.id == id_)
            bind.execute(sa.update(template).where(*mine).values(taken_in_by=before[-1]))
