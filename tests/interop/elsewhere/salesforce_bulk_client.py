"""What salesforce-bulk is asked to do; it prints what it found as JSON."""

import json
import sys

from salesforce_bulk import CsvDictsAdapter, SalesforceBulk
from salesforce_bulk.util import IteratorBytesIO

login = json.loads(sys.argv[1])
bulk = SalesforceBulk(**login, API_version="59.0")
found = {}

job = bulk.create_insert_job("Contact", contentType="CSV")
rows = [{"LastName": "Über"}, {"LastName": ""}]
batch = bulk.post_batch(job, CsvDictsAdapter(iter(rows)))
bulk.wait_for_batch(job, batch, timeout=20, sleep_interval=0.05)
bulk.close_job(job)
found["inserted"] = [list(each) for each in bulk.get_batch_results(batch, job)]
found["job"] = bulk.job_status(job)["state"]
found["batches"] = [each["state"] for each in bulk.get_batch_list(job)]

job = bulk.create_query_job("Contact", contentType="CSV")
batch = bulk.query(job, "SELECT Id, LastName FROM Contact WHERE LastName = 'Über'")
bulk.close_job(job)
while not bulk.is_batch_done(batch):
    pass
found["csv"] = [b"".join(each).decode() for each in bulk.get_all_results_for_query_batch(batch)]

job = bulk.create_query_job("Contact", contentType="JSON")
batch = bulk.query(job, "SELECT Id, LastName FROM Contact WHERE LastName = 'Über'")
bulk.close_job(job)
while not bulk.is_batch_done(batch):
    pass
found["json"] = [json.load(IteratorBytesIO(each)) for each in bulk.get_all_results_for_query_batch(batch)]

job = bulk.create_query_job("Contact", contentType="XML")
batch = bulk.query(job, "SELECT Nope FROM Contact")
try:
    while not bulk.is_batch_done(batch):
        pass
except Exception as error:
    found["failed"] = [type(error).__name__, str(error)]
bulk.abort_job(job)
found["aborted"] = bulk.job_status(job)["state"]
print(json.dumps(found))
