"""who was served, hooks and tidings, claims, appeals, status handles"""

import sqlalchemy as sa
from alembic import op

from audit.columns import Identifier, Instant

revision = '0011'
down_revision = '0010'


def _column(name: str, kind: object, *, null: bool = False) -> sa.Column:
    return sa.Column(name, kind, nullable=null)


def upgrade() -> None:
    text, instant, name = sa.String(), Instant(), Identifier()
    with op.batch_alter_table('output', schema=None) as batch_op:
        batch_op.add_column(sa.Column('frozen', sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table('output', schema=None) as batch_op:
        batch_op.alter_column('frozen', existing_type=sa.Boolean(), server_default=None)
    op.create_table(
        'recipient',
        _column('tenant_id', text),
        _column('output_id', text),
        _column('requester', text),
        _column('copies', sa.Integer()),
        _column('first_at', instant),
        _column('last_at', instant),
        _column('delete_after', instant),
        sa.ForeignKeyConstraint(['tenant_id', 'output_id'], ['output.tenant_id', 'output.id']),
        sa.PrimaryKeyConstraint('tenant_id', 'output_id', 'requester'),
    )
    op.create_index('ix_recipient_due', 'recipient', ['tenant_id', 'delete_after'])
    op.create_table(
        'hook',
        _column('tenant_id', text),
        _column('id', name),
        _column('url', text),
        _column('types', text),
        _column('made_by', text),
        _column('made_at', instant),
        _column('ended_at', instant, null=True),
        sa.PrimaryKeyConstraint('tenant_id', 'id'),
    )
    op.create_table(
        'tiding',
        _column('tenant_id', text),
        _column('id', name),
        _column('hook_id', name),
        _column('event_id', name),
        _column('type', text),
        _column('subject', text),
        _column('data', sa.LargeBinary()),
        _column('entry', text, null=True),
        _column('at', instant),
        _column('state', text),
        _column('delete_after', instant),
        sa.ForeignKeyConstraint(['tenant_id', 'hook_id'], ['hook.tenant_id', 'hook.id']),
        sa.PrimaryKeyConstraint('tenant_id', 'id'),
        sa.UniqueConstraint('tenant_id', 'hook_id', 'event_id'),
    )
    op.create_index('ix_tiding_event', 'tiding', ['tenant_id', 'event_id'])
    op.create_index('ix_tiding_due', 'tiding', ['tenant_id', 'delete_after'])
    op.create_table(
        'claim',
        _column('tenant_id', text),
        _column('id', name),
        _column('kind', text),
        _column('target_kind', text),
        _column('target', text),
        _column('document', text),
        _column('state', text),
        _column('freezes', sa.Boolean()),
        _column('received_at', instant),
        _column('due_at', instant, null=True),
        _column('received_by', text),
        _column('decided_by', text, null=True),
        _column('decided_at', instant, null=True),
        _column('reason', text, null=True),
        _column('entry', text),
        sa.PrimaryKeyConstraint('tenant_id', 'id'),
    )
    op.create_index('ix_claim_state', 'claim', ['tenant_id', 'state', 'due_at'])
    op.create_table(
        'claim_contact',
        _column('tenant_id', text),
        _column('claim_id', name),
        _column('sealed', sa.LargeBinary()),
        _column('delete_after', instant, null=True),
        sa.ForeignKeyConstraint(['tenant_id', 'claim_id'], ['claim.tenant_id', 'claim.id']),
        sa.PrimaryKeyConstraint('tenant_id', 'claim_id'),
    )
    op.create_index('ix_claim_contact_due', 'claim_contact', ['tenant_id', 'delete_after'])
    op.create_table(
        'blocked_file',
        _column('tenant_id', text),
        _column('digest', text),
        _column('claim_id', name),
        _column('at', instant),
        sa.ForeignKeyConstraint(['tenant_id', 'claim_id'], ['claim.tenant_id', 'claim.id']),
        sa.PrimaryKeyConstraint('tenant_id', 'digest'),
    )
    op.create_table(
        'appeal',
        _column('tenant_id', text),
        _column('id', name),
        _column('about', text),
        _column('subject', text),
        _column('ground', text),
        _column('appellant', text),
        _column('excluded', text),
        _column('state', text),
        _column('received_at', instant),
        _column('due_at', instant),
        _column('answered_at', instant, null=True),
        sa.PrimaryKeyConstraint('tenant_id', 'id'),
    )
    op.create_index('ix_appeal_state', 'appeal', ['tenant_id', 'state', 'due_at'])
    op.create_table(
        'appeal_answer',
        _column('tenant_id', text),
        _column('appeal_id', name),
        _column('operator', text),
        _column('granted', sa.Boolean()),
        _column('reason', text),
        _column('at', instant),
        sa.ForeignKeyConstraint(['tenant_id', 'appeal_id'], ['appeal.tenant_id', 'appeal.id']),
        sa.PrimaryKeyConstraint('tenant_id', 'appeal_id', 'operator'),
    )
    op.create_table(
        'status_handle',
        sa.Column('tenant_id', sa.String(64), nullable=False),
        _column('id', name),
        _column('authorization_id', name),
        sa.ForeignKeyConstraint(
            ['tenant_id', 'authorization_id'],
            ['signed_authorization.tenant_id', 'signed_authorization.id']
        ),
        sa.PrimaryKeyConstraint('tenant_id', 'id'),
        sa.UniqueConstraint('tenant_id', 'authorization_id'),
    )
