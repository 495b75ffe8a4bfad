// What jsforce is asked to do; it prints what it found as JSON.
import jsforce from 'jsforce';

const login = JSON.parse(process.argv[2]);
const conn = new jsforce.Connection({ loginUrl: 'https://login.salesforce.com', httpProxy: process.env.HTTPS_PROXY, version: '59.0' });
await conn.login(login.username, login.password + login.security_token);
const found = { instance: conn.instanceUrl, organization: (await conn.identity()).organization_id };

found.counted = (await conn.query('SELECT Id FROM Contact')).totalSize;
found.limits = conn.limitInfo.apiUsage.limit;

const contacts = conn.sobject('Contact');
const made = await contacts.create({ LastName: 'Node' });
found.row = (await contacts.retrieve(made.id)).LastName;
await contacts.update({ Id: made.id, LastName: 'Changed' });
found.changed = (await contacts.find({ LastName: 'Changed' }, ['Id']).limit(5)).map((each) => each.Id === made.id);
found.destroyed = (await contacts.destroy(made.id)).success;
found.upserted = (await conn.sobject('Account').upsert({ Customer_Number__c: 'C-node', Name: 'Node' }, 'Customer_Number__c')).success;
const many = await contacts.create([{ LastName: 'One' }, { LastName: '' }, { LastName: 'Two' }]);
found.many = many.map((each) => each.success);
found.cleared = (await contacts.destroy(many.filter((each) => each.success).map((each) => each.id))).map((each) => each.success);
found.described = (await contacts.describe()).fields.length > 10;
found.objects = (await conn.describeGlobal()).sobjects.some((each) => each.name === 'Case');
found.refused = await conn.query('SELECT Nope FROM Contact').then(() => null, (error) => error.errorCode);

const pages = { headers: { 'Sforce-Query-Options': 'batchSize=200' } };
const crowd = await contacts.create(Array.from({ length: 450 }, (_, number) => ({ LastName: `Crowd ${number}` })), { allowRecursive: true });
found.crowd = crowd.filter((each) => each.success).length;
const first = await conn.query("SELECT Id FROM Contact WHERE LastName LIKE 'Crowd %' ORDER BY Id", pages);
const second = await conn.queryMore(first.nextRecordsUrl);
const ids = [...first.records, ...second.records].map((each) => each.Id);
found.queried = [first.totalSize, first.done, new Set(ids).size];
found.fetched = (await conn.query("SELECT Id FROM Contact WHERE LastName LIKE 'Crowd %'", { ...pages, autoFetch: true, maxFetch: 450 })).records.length;

conn.bulk.pollInterval = 50;
found.bulk = (await conn.bulk.load('Contact', 'insert', [{ LastName: 'A', Title: 'x' }, { LastName: '', Title: 'y' }])).map((each) => each.success);
conn.bulk2.pollInterval = 50;
const loaded = await conn.bulk2.loadAndWaitForResults({ object: 'Contact', operation: 'insert', input: [{ LastName: 'B', Email: '' }, { LastName: 'C', Email: 'none' }] });
found.bulk2 = [loaded.successfulResults.length, loaded.failedResults.length];
const rows = await (await conn.bulk2.query("SELECT Id, LastName FROM Contact WHERE LastName = 'B'")).toArray();
found.bulk2query = rows.map((each) => each.LastName);
console.log(JSON.stringify(found));
