"""the first tables"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import audit.columns

revision = '0001'
down_revision = None


def upgrade() -> None:
    op.create_table('decision',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('follows', audit.columns.Identifier(), nullable=True),
    sa.Column('action', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('stage', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('answer', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('objections', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('lifted', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('policy', audit.columns.Digest(), nullable=False),
    sa.Column('proof', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('case', sa.LargeBinary(), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('until', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('closed', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'follows'], ['decision.tenant_id', 'decision.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    with op.batch_alter_table('decision', schema=None) as batch_op:
        batch_op.create_index('decision_holds', ['tenant_id', 'answer', 'closed', 'until'], unique=False)

    op.create_table('donor',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('person_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('authorization_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('photo_digest', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('is_self', sa.Boolean(), nullable=False),
    sa.Column('faces', sa.Integer(), nullable=False),
    sa.Column('match', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('decided_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('received_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('delete_after', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('deleted', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    op.create_table('duty',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('subject_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('owed_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('done_at', audit.columns.Instant(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    with op.batch_alter_table('duty', schema=None) as batch_op:
        batch_op.create_index('ix_duty_open', ['tenant_id', 'done_at'], unique=False)

    op.create_table('log_checkpoint',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('digest', audit.columns.Digest(), nullable=False),
    sa.Column('note', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'size'),
    sa.UniqueConstraint('tenant_id', 'digest')
    )
    op.create_table('log_entry',
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Identity(always=False), nullable=False),
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('idx', sa.BigInteger(), nullable=True),
    sa.Column('eid', audit.columns.Identifier(), nullable=False),
    sa.Column('leaf', sa.LargeBinary(), nullable=False),
    sa.Column('leaf_hash', audit.columns.Digest(), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('seq'),
    sa.UniqueConstraint('tenant_id', 'idx'),
    sa.UniqueConstraint('tenant_id', 'leaf_hash')
    )
    op.create_table('log_lease',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('holder', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('token', sa.BigInteger(), nullable=False),
    sa.Column('until', audit.columns.Instant(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id')
    )
    op.create_table('log_tile',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('level', sa.Integer(), nullable=False),
    sa.Column('n', sa.BigInteger(), nullable=False),
    sa.Column('data', sa.LargeBinary(), nullable=False),
    sa.Column('root', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'level', 'n')
    )
    op.create_table('notice',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('sha256', audit.columns.Digest(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('version', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('language', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('text', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('published_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'sha256'),
    sa.UniqueConstraint('tenant_id', 'id', 'version', 'language')
    )
    op.create_table('person',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('proof', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('age', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('enrolled_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('enrolled_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('enrolled_how', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    op.create_table('slot',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('holder', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('token', sa.Integer(), nullable=False),
    sa.Column('until', audit.columns.Instant(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    op.create_table('source',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('record', sa.LargeBinary(), nullable=False),
    sa.Column('received_digest', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('media_digest', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('announced_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('delete_after', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('retention', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    op.create_table('decision_person',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('decision_id', audit.columns.Identifier(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('person_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('role', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('authorization_id', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('head', audit.columns.Digest(), nullable=True),
    sa.Column('purposes', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'decision_id'], ['decision.tenant_id', 'decision.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'decision_id', 'position')
    )
    with op.batch_alter_table('decision_person', schema=None) as batch_op:
        batch_op.create_index('decision_person_authorization', ['tenant_id', 'authorization_id'], unique=False)
        batch_op.create_index('decision_person_person', ['tenant_id', 'person_id'], unique=False)

    op.create_table('log_sealed',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('leaf_hash', audit.columns.Digest(), nullable=False),
    sa.Column('part', sa.Integer(), nullable=False),
    sa.Column('seal', sqlmodel.sql.sqltypes.AutoString(length=4), nullable=False),
    sa.Column('ciphertext', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'leaf_hash'], ['log_entry.tenant_id', 'log_entry.leaf_hash'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'leaf_hash', 'part')
    )
    op.create_table('permit',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('not_after', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('job', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('attempt', sa.Integer(), nullable=True),
    sa.Column('run_until', audit.columns.Instant(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id', 'id'], ['decision.tenant_id', 'decision.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    with op.batch_alter_table('permit', schema=None) as batch_op:
        batch_op.create_index('permit_state', ['tenant_id', 'state', 'not_after'], unique=False)

    op.create_table('person_key',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('key', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('person_id', audit.columns.Identifier(), nullable=False),
    sa.Column('method', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('valid_from', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('valid_until', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('entry', audit.columns.Digest(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'key')
    )
    with op.batch_alter_table('person_key', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_person_key_person_id'), ['person_id'], unique=False)

    op.create_table('signed_authorization',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('person_id', audit.columns.Identifier(), nullable=False),
    sa.Column('supersedes', audit.columns.Identifier(), nullable=True),
    sa.Column('notice', audit.columns.Digest(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('evidence', sa.LargeBinary(), nullable=False),
    sa.Column('received_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('kid', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('countersignature', sa.LargeBinary(), nullable=False),
    sa.Column('recovery', audit.columns.Digest(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'notice'], ['notice.tenant_id', 'notice.sha256'], ),
    sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id'], ),
    sa.ForeignKeyConstraint(['tenant_id', 'supersedes'], ['signed_authorization.tenant_id', 'signed_authorization.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    with op.batch_alter_table('signed_authorization', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_signed_authorization_person_id'), ['person_id'], unique=False)

    op.create_table('template',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('source_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('frozen', sa.Boolean(), nullable=False),
    sa.Column('scan_digest', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('published_by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('changed_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'source_id'], ['source.tenant_id', 'source.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    op.create_table('cast_member',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('template_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('person_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('role', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('authorization_id', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id', 'template_id'], ['template.tenant_id', 'template.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'template_id', 'person_id', 'role')
    )
    with op.batch_alter_table('cast_member', schema=None) as batch_op:
        batch_op.create_index('ix_cast_member_authorization', ['tenant_id', 'authorization_id'], unique=False)

    op.create_table('consent_counter',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('authorization_id', audit.columns.Identifier(), nullable=False),
    sa.Column('purpose', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('most', sa.Integer(), nullable=True),
    sa.Column('reserved', sa.Integer(), nullable=False),
    sa.Column('spent', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'authorization_id'], ['signed_authorization.tenant_id', 'signed_authorization.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'authorization_id', 'purpose')
    )
    op.create_table('consent_event',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('authorization_id', audit.columns.Identifier(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('purposes', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('status', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('disputed', sa.Boolean(), nullable=True),
    sa.Column('how', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('actor', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('evidence', sa.LargeBinary(), nullable=True),
    sa.Column('leaf_hash', audit.columns.Digest(), nullable=False),
    sa.Column('prev', audit.columns.Digest(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id', 'authorization_id'], ['signed_authorization.tenant_id', 'signed_authorization.id'], ),
    sa.ForeignKeyConstraint(['tenant_id', 'leaf_hash'], ['log_entry.tenant_id', 'log_entry.leaf_hash'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'authorization_id', 'number'),
    sa.UniqueConstraint('tenant_id', 'leaf_hash')
    )
    op.create_table('consent_state',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('authorization_id', audit.columns.Identifier(), nullable=False),
    sa.Column('purpose', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('status', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('disputed', sa.Boolean(), nullable=False),
    sa.Column('until', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('head', audit.columns.Digest(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'authorization_id'], ['signed_authorization.tenant_id', 'signed_authorization.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'authorization_id', 'purpose')
    )
    with op.batch_alter_table('consent_state', schema=None) as batch_op:
        batch_op.create_index('consent_state_until', ['tenant_id', 'until'], unique=False)

    op.create_table('job',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('template_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('donor_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('permit_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('cancelled', sa.Boolean(), nullable=False),
    sa.Column('outcome', sa.LargeBinary(), nullable=True),
    sa.Column('started', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('changed_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'donor_id'], ['donor.tenant_id', 'donor.id'], ),
    sa.ForeignKeyConstraint(['tenant_id', 'template_id'], ['template.tenant_id', 'template.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id'),
    sa.UniqueConstraint('tenant_id', 'permit_id')
    )
    op.create_table('portrait',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('id', audit.columns.Identifier(), nullable=False),
    sa.Column('person_id', audit.columns.Identifier(), nullable=False),
    sa.Column('authorization_id', audit.columns.Identifier(), nullable=False),
    sa.Column('model', audit.columns.Digest(), nullable=False),
    sa.Column('ciphertext', sa.LargeBinary(), nullable=False),
    sa.Column('added_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('delete_after', audit.columns.Instant(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'authorization_id'], ['signed_authorization.tenant_id', 'signed_authorization.id'], ),
    sa.ForeignKeyConstraint(['tenant_id', 'person_id'], ['person.tenant_id', 'person.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id')
    )
    with op.batch_alter_table('portrait', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_portrait_authorization_id'), ['authorization_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_portrait_delete_after'), ['delete_after'], unique=False)
        batch_op.create_index(batch_op.f('ix_portrait_person_id'), ['person_id'], unique=False)

    op.create_table('scan',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('template_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('digest', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('verdicts', sa.LargeBinary(), nullable=True),
    sa.Column('scanned_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'template_id'], ['template.tenant_id', 'template.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'template_id')
    )
    op.create_table('output',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('job_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('template_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('permit_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('digest', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('leaf_hash', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('released_at', audit.columns.Instant(timezone=True), nullable=False),
    sa.Column('withdrawn_at', audit.columns.Instant(timezone=True), nullable=True),
    sa.Column('served', sa.Integer(), nullable=False),
    sa.Column('delete_after', audit.columns.Instant(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id', 'job_id'], ['job.tenant_id', 'job.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'id'),
    sa.UniqueConstraint('tenant_id', 'job_id')
    )
    with op.batch_alter_table('output', schema=None) as batch_op:
        batch_op.create_index('ix_output_digest', ['tenant_id', 'digest'], unique=False)

    op.create_table('output_consent',
    sa.Column('tenant_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('output_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('authorization_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('person_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('purposes', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'output_id'], ['output.tenant_id', 'output.id'], ),
    sa.PrimaryKeyConstraint('tenant_id', 'output_id', 'authorization_id')
    )
    with op.batch_alter_table('output_consent', schema=None) as batch_op:
        batch_op.create_index('ix_output_consent_authorization', ['tenant_id', 'authorization_id'], unique=False)

