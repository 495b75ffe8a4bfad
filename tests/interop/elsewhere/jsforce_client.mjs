// What jsforce is asked to do; it prints what it found as JSON.
import jsforce from 'jsforce';

const login = JSON.parse(process.argv[2]);
const conn = new jsforce.Connection({ loginUrl: 'https://login.salesforce.com', httpProxy: process.env.HTTPS_PROXY, version: '59.0' });
await conn.login(login.username, login.password + login.security_token);
const found = { instance: conn.instanceUrl };
found.queried = (await conn.query('SELECT Id FROM Contact')).totalSize;
const made = await conn.sobject('Contact').create({ LastName: 'Node' });
found.row = (await conn.sobject('Contact').retrieve(made.id)).LastName;
found.destroyed = (await conn.sobject('Contact').destroy(made.id)).success;
found.upserted = (await conn.sobject('Account').upsert({ Customer_Number__c: 'C-node', Name: 'Node' }, 'Customer_Number__c')).success;
found.described = (await conn.sobject('Contact').describe()).fields.length > 10;
conn.bulk.pollInterval = 50;
found.bulk = (await conn.bulk.load('Contact', 'insert', [{ LastName: 'A', Title: 'x' }, { LastName: '', Title: 'y' }])).map((each) => each.success);
conn.bulk2.pollInterval = 50;
const loaded = await conn.bulk2.loadAndWaitForResults({ object: 'Contact', operation: 'insert', input: [{ LastName: 'B', Email: '' }, { LastName: 'C', Email: 'none' }] });
found.bulk2 = [loaded.successfulResults.length, loaded.failedResults.length];
const rows = await (await conn.bulk2.query("SELECT Id, LastName FROM Contact WHERE LastName = 'B'")).toArray();
found.bulk2query = rows.map((each) => each.LastName);
console.log(JSON.stringify(found));
