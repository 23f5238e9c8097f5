"""Event provisioning: from a customer's request to an event that runs, and back again.

Read in this order: `request` (what may be asked), `intake` (once per request, also under twenty at once), `classify`,
`templates` and `plan` (pure: what will be made and why), `lifecycle` (who may act for a request, and when), `steps`
(each thing in the world: apply, verify, undo, leftovers), `provision` and `rollback` (the steps in order, forwards and
backwards), `decommission_plan`, `archiving`, `decommission`, `restore` and `purge` (an event's end, in that order), and
`kpis` (how well all of it does).

Everything outside is handed in as `world.World`. Times are aware datetimes, money is whole KRW.
"""
