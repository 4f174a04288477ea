-- The sketch that the ledger began as: two legs, one book, no names, no holds, no links, no months, no tenants.
-- `benchmarks/ledger_costs.py` measures what each feature costs against it.
CREATE SCHEMA lp;
SET search_path = lp;
create table account(
  id       bigint primary key,
  flags    smallint not null default 0,       -- 1 = balance may not go below zero
  balance  bigint not null default 0,
  version  bigint not null default 0
) with (fillfactor=50, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_cost_delay=0);
create sequence jseq cache 1;
create table journal(                          -- one row per transfer / order (header)
  id bigint primary key,
  idem uuid not null,                          -- idempotency key
  created_at timestamptz not null default now()
);
create unique index journal_idem on journal(idem);
create table entry(                            -- one row per leg
  journal_id bigint not null,
  leg        smallint not null,
  account_id bigint not null,
  amount     bigint not null,                  -- + credit, - debit
  balance_after bigint not null,
  created_at timestamptz not null default now()
);
create index entry_journal on entry(journal_id, leg);
create index entry_account on entry(account_id, journal_id);

create or replace function post_batch_v2(p_idem uuid[], p_dr bigint[], p_cr bigint[], p_amt bigint[]) returns smallint[]
language plpgsql set plan_cache_mode='force_generic_plan' set enable_seqscan=off as $$
declare
  n int := cardinality(p_dr);
  ids bigint[]; bal bigint[]; flg smallint[]; di int[]; ci int[]; dup uuid[]; nd int;
  res smallint[] := array_fill(0::smallint, array[n]);
  db bigint[] := array_fill(0::bigint, array[n]);
  cb bigint[] := array_fill(0::bigint, array[n]);
  d int; c int; a bigint; b bigint;
begin
  select array_agg(s.id), array_agg(s.balance), array_agg(s.flags) into ids, bal, flg
    from (select id, balance, flags from lp.account where id = any (p_dr || p_cr) order by id for update) s;
  select array_agg(md.o order by t.o), array_agg(mc.o order by t.o) into di, ci
    from unnest(p_dr,p_cr) with ordinality t(dr,cr,o)
    left join unnest(ids) with ordinality md(id,o) on md.id = t.dr left join unnest(ids) with ordinality mc(id,o) on mc.id = t.cr;
  select array_agg(idem) into dup from lp.journal where idem = any(p_idem);
  select count(distinct u) into nd from unnest(p_idem) u;
  for i in 1..n loop
    d := di[i]; c := ci[i]; a := p_amt[i];
    if dup is not null and p_idem[i] = any(dup) then res[i] := 1;
    elsif nd < n and i > 1 and p_idem[i] = any(p_idem[1:i-1]) then res[i] := 1;
    elsif d is null or c is null then res[i] := 2;
    else
      b := bal[d] - a;
      if b < 0 and flg[d] & 1 = 1 then res[i] := 3;
      else bal[d] := b; db[i] := b; b := bal[c] + a; bal[c] := b; cb[i] := b;
      end if;
    end if;
  end loop;
  with ok as materialized (
    select nextval('lp.jseq') j, t.* from unnest(p_idem,p_dr,p_cr,p_amt,db,cb,res) t(idem,dr,cr,amt,dbal,cbal,r) where t.r = 0
  ), ji as (insert into lp.journal(id, idem) select ok.j, ok.idem from ok)
  insert into lp.entry(journal_id, leg, account_id, amount, balance_after)
    select ok.j, v.leg, v.acc, v.amt, v.bal from ok cross join lateral (values (1::smallint,ok.dr,-ok.amt,ok.dbal),(2::smallint,ok.cr,ok.amt,ok.cbal)) v(leg,acc,amt,bal);
  update lp.account a set balance = u.b, version = version + 1 from unnest(ids, bal) u(id,b) where a.id = u.id and a.balance <> u.b;
  return res;
end $$;
RESET search_path;
