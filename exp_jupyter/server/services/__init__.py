"""What the project does, one package per resource; HTTP and the seeding of projects both use it.

Every function takes the transaction it works in (`exp_jupyter.server.store.Work`) first and, when
it matters who asks, the `exp_jupyter.server.services.people.people.Actor` second. A refusal is
raised as `exp_jupyter.server.refusals.Refusal`; a change that an approval policy catches as
`exp_jupyter.server.services.approvals.gate.Gated`, which `perform` turns into a stored change
request and a 409.
"""
