"""what people signed, sealed in its rows"""

import json

import sqlalchemy as sa
from alembic import context, op

import audit.columns

revision = '0038'
down_revision = '0027'

# table, what names its rows, how the person of a row is found, and its columns
CELLS = (
    ('signed_authorization', ('id',), 'person_id', ('document', 'evidence')),
    ('cosignature', ('authorization_id',), 'authorization', ('evidence',)),
    ('consent_event', ('authorization_id', 'number'), 'authorization', ('evidence',)),
    ('consent_request', ('id',), 'person_id', ('document',)),
    ('link', ('id',), 'about', ('document',)),
    ('protection', ('id',), 'person_id', ('document', 'evidence')),
    ('rights_licence', ('id',), 'person_id', ('document', 'evidence')),
    ('attestation', ('nonce',), 'person_id', ('signed',)),
    ('passkey', ('key',), 'key', ('client_data', 'attestation')),
)
BY = {
    'authorization': ('signed_authorization', 'id', 'authorization_id'),
    'key': ('person_key', 'key', 'key'),
}
BATCH = 500


def upgrade() -> None:
    with op.batch_alter_table('link', schema=None) as batch_op:
        batch_op.add_column(sa.Column('about', audit.columns.Identifier(), nullable=True))
    bind = op.get_bind()
    _whose_documents(bind)
    seal = context.config.attributes.get('seal')
    for name, key, person, columns in CELLS:
        _seal(bind, seal, name, key, person, columns)
    _leftovers(bind)
    # What was written over lies in their files yet.
    context.config.attributes['rewritten'] = [name for name, *_ in CELLS]


def _table(name: str, *columns: str) -> sa.TableClause:
    binary = {'document', 'evidence', 'signed', 'client_data'} | ({'attestation'} if name == 'passkey' else set())
    kinds = {each: sa.LargeBinary() if each in binary else sa.Text() for each in columns}
    kinds |= {'number': sa.Integer()} if 'number' in columns else {}
    return sa.table(name, *(sa.column(each, kinds[each]) for each in columns))


def _whose_documents(bind: sa.Connection) -> None:
    link = _table('link', 'tenant_id', 'id', 'document', 'about')
    for tenant, id_, document in bind.execute(
        sa.select(link.c.tenant_id, link.c.id, link.c.document).where(link.c.document.is_not(None))
    ).all():
        mine = (link.c.tenant_id == tenant, link.c.id == id_)
        bind.execute(sa.update(link).where(*mine).values(about=json.loads(document)['person']))


def _seal(bind: sa.Connection, seal, name: str, key, person: str, columns) -> None:
    table = _table(name, *dict.fromkeys(('tenant_id', *key, *({person} - BY.keys()), *columns)))
    rows = sa.select(table)
    if person in BY:
        other, theirs, ours = BY[person]
        owner = _table(other, 'tenant_id', theirs, 'person_id')
        joined = (owner.c.tenant_id == table.c.tenant_id, owner.c[theirs] == table.c[ours])
        rows = sa.select(table, owner.c.person_id.label('whose')).where(*joined)
    else:
        rows = rows.add_columns(table.c[person].label('whose'))
    last: tuple = ()
    order = [table.c.tenant_id, *(table.c[each] for each in key)]
    while True:
        page = rows if not last else rows.where(sa.tuple_(*order) > sa.tuple_(*map(sa.literal, last)))
        found = bind.execute(page.order_by(*order).limit(BATCH)).mappings().all()
        for row in found:
            cells = {
                column: seal(
                    row['tenant_id'],
                    f'{name}.{column}',
                    '/'.join(str(row[each]) for each in key),
                    row['whose'],
                    bytes(row[column]),
                )
                for column in columns
                if row[column] is not None and row['whose'] is not None
            }
            if cells:
                mine = (table.c.tenant_id == row['tenant_id'], *(table.c[each] == row[each] for each in key))
                bind.execute(sa.update(table).where(*mine).values(**cells))
        if len(found) < BATCH:
            return
        last = (found[-1]['tenant_id'], *(found[-1][each] for each in key))


def _leftovers(bind: sa.Connection) -> None:
    """Of those whose last key is gone already."""
    erasure = _table('erasure', 'tenant_id', 'person_id', 'left')
    person = _table('person', 'tenant_id', 'id', 'enrolled_how')
    key = _table('person_key', 'tenant_id', 'person_id', 'key')
    passkey = _table('passkey', 'tenant_id', 'key')
    gone = sa.select(erasure.c.tenant_id, erasure.c.person_id).where(erasure.c.left == 'none')
    for tenant, who in bind.execute(gone).all():
        hers = sa.select(key.c.key).where(key.c.tenant_id == tenant, key.c.person_id == who)
        bind.execute(sa.delete(passkey).where(passkey.c.tenant_id == tenant, passkey.c.key.in_(hers)))
        bind.execute(
            sa.update(person).where(person.c.tenant_id == tenant, person.c.id == who).values(enrolled_how='')
        )
