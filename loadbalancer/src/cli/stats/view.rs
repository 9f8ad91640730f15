//! Statistics as text.

use super::super::{
    output::View,
    page::{Colour, Page},
    service::{endpoint, no_backends, yes},
    status::{interfaces, state},
    table::Table,
    units::{bytes, count, counted, duration, rate, rate_of},
    words,
};
use crate::stats::{BackendStats, CpuCounters, Rates, ServiceStats, Stats};

impl View for Stats {
    fn show(&self, page: &mut Page) {
        let uptime = duration(self.uptime_seconds);
        page.line(format_args!("up {uptime}, interfaces: {}", interfaces(&self.interfaces)));
        if self.services.is_empty() {
            page.gap();
            page.line("no services; `loadbalancer service add` adds one");
        }
        for service in &self.services {
            show_service(service, page);
        }
        show_firewall(self, page);
        show_drops(self, page);
    }
}

fn show_service(service: &ServiceStats, page: &mut Page) {
    page.gap();
    page.line(format_args!(
        "{}  {}  {}  {}",
        page.painted(Colour::Bold, &service.name),
        endpoint(&service.address, service.protocol),
        words::name(service.forward),
        words::name(service.algorithm)
    ));
    let ServiceStats { packets, bytes: size, connections, queries, rates, .. } = service;
    page.line(format_args!(
        "  total  {}, {}, {}, {}",
        counted(*connections, "connection"),
        if *queries == 1 { "1 query".to_owned() } else { format!("{} queries", count(*queries)) },
        counted(*packets, "packet"),
        bytes(*size)
    ));
    page.line(format_args!("  now    {}", in_words(rates)));
    if service.backends.is_empty() {
        page.line(format_args!("  {}", no_backends(&service.name)));
        return;
    }
    page.table(2, &backend_table(&service.backends));
    if let Some(per_cpu) = &service.per_cpu
        && service.packets > 0
    {
        page.gap();
        page.table(2, &cpu_table(&service.backends, per_cpu));
    }
}

fn in_words(rates: &Rates) -> String {
    format!(
        "{} connections/s, {} queries/s, {} packets/s, {}",
        rate(rates.connections_per_second),
        rate(rates.queries_per_second),
        rate(rates.packets_per_second),
        rate_of(rates.bits_per_second, "bit/s")
    )
}

fn backend_table(backends: &[BackendStats]) -> Table {
    let named_by_address = backends.iter().all(|backend| backend.name == backend.address);
    let mut table = Table::new().words("BACKEND", 0, backends.iter().map(|backend| &backend.name));
    if !named_by_address {
        table = table.words("ADDRESS", 6, backends.iter().map(|backend| &backend.address));
    }
    let rates = || backends.iter().map(|backend| &backend.rates);
    table = table.words("STATE", 0, backends.iter().map(|backend| state(backend.state))).numbers(
        "WEIGHT",
        7,
        backends.iter().map(|backend| backend.weight.to_string()),
    );
    if backends.iter().any(|backend| backend.backup) {
        table = table.words("BACKUP", 7, backends.iter().map(|backend| yes(backend.backup)));
    }
    table
        .numbers("ACTIVE", 1, backends.iter().map(|backend| count(backend.active_connections)))
        .numbers("CONN/S", 0, rates().map(|rates| rate(rates.connections_per_second)))
        .numbers("QUERY/S", 0, rates().map(|rates| rate(rates.queries_per_second)))
        .numbers("PACKET/S", 0, rates().map(|rates| rate(rates.packets_per_second)))
        .numbers("BIT/S", 0, rates().map(|rates| rate(rates.bits_per_second)))
        .numbers("CONNS", 2, backends.iter().map(|backend| count(backend.connections)))
        .numbers("QUERIES", 3, backends.iter().map(|backend| count(backend.queries)))
        .numbers("PACKETS", 4, backends.iter().map(|backend| count(backend.packets)))
        .numbers("BYTES", 5, backends.iter().map(|backend| bytes(backend.bytes)))
}

/// A row for each CPU and backend, those without traffic left out; first the service's sums.
fn cpu_table(backends: &[BackendStats], sums: &[CpuCounters]) -> Table {
    let of_backends = backends.iter().flat_map(|backend| {
        backend.per_cpu.iter().flatten().map(move |cpu| (backend.name.as_str(), cpu))
    });
    let rows: Vec<_> = sums
        .iter()
        .map(|cpu| ("all", cpu))
        .chain(of_backends)
        .filter(|(_, cpu)| cpu.packets > 0)
        .collect();
    Table::new()
        .words("BACKEND", 0, rows.iter().map(|(backend, _)| *backend))
        .numbers("CPU", 0, rows.iter().map(|(_, cpu)| cpu.cpu.to_string()))
        .numbers("CONNS", 0, rows.iter().map(|(_, cpu)| count(cpu.connections)))
        .numbers("QUERIES", 0, rows.iter().map(|(_, cpu)| count(cpu.queries)))
        .numbers("PACKETS", 0, rows.iter().map(|(_, cpu)| count(cpu.packets)))
        .numbers("BYTES", 0, rows.iter().map(|(_, cpu)| bytes(cpu.bytes)))
}

fn show_firewall(stats: &Stats, page: &mut Page) {
    let rules = &stats.firewall;
    if rules.is_empty() {
        return;
    }
    page.gap();
    page.line(page.painted(Colour::Bold, "firewall"));
    let table = Table::new()
        .words("RULE", 0, rules.iter().map(|rule| &rule.rule))
        .words("ACTION", 0, rules.iter().map(|rule| words::name(rule.action)))
        .numbers("PACKETS", 0, rules.iter().map(|rule| count(rule.packets)))
        .numbers("BYTES", 0, rules.iter().map(|rule| bytes(rule.bytes)));
    page.table(2, &table);
}

fn show_drops(stats: &Stats, page: &mut Page) {
    page.gap();
    let drops: Vec<_> = stats.drops.iter().filter(|(_, packets)| **packets > 0).collect();
    if drops.is_empty() {
        page.line("no drops");
        return;
    }
    page.line(page.painted(Colour::Bold, "drops"));
    let table = Table::new().words("REASON", 0, drops.iter().map(|(reason, _)| *reason)).numbers(
        "PACKETS",
        0,
        drops.iter().map(|(_, packets)| count(**packets)),
    );
    page.table(2, &table);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::fake;

    #[test]
    fn a_service_without_traffic_has_no_table_of_cpus() {
        let mut stats = fake::stats(true);
        for service in &mut stats.services {
            service.packets = 0;
        }
        let mut page = Page::new(None, false);
        stats.show(&mut page);
        let text = page.finish();
        assert!(text.contains("web-1"), "{text}");
        assert!(!text.contains("CPU"), "{text}");
    }
}
