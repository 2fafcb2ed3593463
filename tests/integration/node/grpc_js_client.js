// An independent gRPC client: loads the protos itself, writes an account, reads it back, follows a stream, and prints what it
// saw as one JSON object.
//
//   node grpc_js_client.js HOST:PORT PROTO_FOLDER
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [address, protos] = process.argv.slice(2);
const definition = loader.loadSync(
    [
      'perennial/accounts/v1/account_service.proto', 'perennial/accounts/v1/ingest_service.proto',
      'perennial/health/v1/health_score_service.proto'
    ],
    {includeDirs: [protos, `${protos}/vendor`], longs: String, enums: String, keepCase: true, oneofs: true});
const perennial = grpc.loadPackageDefinition(definition).perennial;
const credentials = grpc.credentials.createInsecure();
const accounts = new perennial.accounts.v1.AccountService(address, credentials);
const ingest = new perennial.accounts.v1.IngestService(address, credentials);
const scores = new perennial.health.v1.HealthScoreService(address, credentials);

const deadline = () => ({deadline: Date.now() + 15000});
const call = (client, method, request) => new Promise((resolve) => {
  client[method](request, deadline(), (error, response) => resolve({error, response}));
});

async function main() {
  const seen = {};
  await call(accounts, 'CreateAccount', {account_id: 'js', account: {display_name: 'Überflug 株式会社'}});
  seen.name = (await call(accounts, 'GetAccount', {name: 'accounts/js'})).response.account.display_name;
  seen.missing = (await call(accounts, 'GetAccount', {name: 'accounts/none'})).error.code;

  const stream = ingest.StreamRecords(deadline());
  seen.acknowledged = await new Promise((resolve, reject) => {
    const batches = [];
    stream.on('data', (ack) => batches.push(ack.batch_id));
    stream.on('error', reject);
    stream.on('end', () => resolve(batches));
    for (let batch = 1; batch <= 10; ++batch) {
      stream.write({
        batch_id: batch,
        records: [{
          record_id: `js-${batch}`, account: 'accounts/js', event_time: {seconds: 1735600000 + batch},
          usage: {metric: 'logins'}
        }]
      });
    }
    stream.end();
  });

  const watch = scores.WatchHealthScores({start_revision: 0});
  seen.watched = await new Promise((resolve, reject) => {
    watch.on('data', (message) => {
      if (message.updates.some((update) => update.account_id === 'js')) resolve(true);
    });
    watch.on('error', reject);
    setTimeout(() => reject(new Error('no score came within 15 s')), 15000).unref();
  });
  watch.on('error', () => {});
  watch.cancel();
  console.log(JSON.stringify(seen));
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
