namespace trial;

entity Depots {
  key code    : String(10);
      name    : String(60);
      country : String(2);
      opened  : Date;
      stock   : Composition of many Stock on stock.depot = $self;
}

entity Stock {
  key depot : Association to Depots;
  key item  : Integer64;
  key since : Date;
      text  : String(60);
      count : Integer @assert.range: [0, 1000];
}

entity Lots {
  key ID      : UUID;
      mark    : String(40);
      label   : String(60);
      price   : Decimal(34, 10);
      weight  : Double;
      units   : Integer64;
      made    : Date;
      opens   : Time;
      seen    : DateTime;
      stamped : Timestamp @cds.on.insert: $now @cds.on.update: $now @odata.etag;
      open    : Boolean;
      print   : Binary(16);
      depot   : Association to Depots;
}

entity Notes {
  key ID    : String(10);
      owner : String(20) @cds.on.insert: $user;
      text  : String(200);
}

service TrialService @(path: '/odata/v4/trial') {
  @cds.query.limit: { default: 7, max: 7 }
  entity Depots as projection on trial.Depots;

  entity Stock as projection on trial.Stock;

  entity Lots as projection on trial.Lots actions {
    action   reprice(price: Decimal(34, 10), note: String) returns Lots;
    function worth() returns Decimal(34, 10);
  };

  @restrict: [{ grant: '*', where: 'owner = $user' }]
  @Capabilities.SearchRestrictions.Searchable: true
  entity Notes as projection on trial.Notes;

  function stocked(depot: String, since: Date) returns Integer64;
  action   relabel(country: String, name: String) returns Integer;
}
