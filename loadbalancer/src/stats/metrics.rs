//! The same numbers for Prometheus, in the `OpenMetrics` text format.
//!
//! Nothing is registered between scrapes: each scrape encodes one snapshot, so that a backend that
//! was removed leaves the output with it.
//! Source: `OpenMetrics` 1.0.0, section 5 (data model and names).

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge, info::Info},
    registry::{Registry, Unit},
};

use super::{BackendState, BackendStats, ServiceStats, Stats, Status};
use crate::config::RuleAction;

/// The content type of [`metrics_text`].
pub const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A snapshot as Prometheus reads it.
pub fn metrics_text(stats: Stats, daemon: Status) -> String {
    let mut registry = Registry::with_prefix("loadbalancer");
    registry.register_collector(Box::new(Snapshot { stats, daemon }));
    let mut written = String::new();
    match text::encode(&mut written, &registry) {
        Ok(()) => written,
        // A `String` takes every write; an empty answer would hide that it did not.
        Err(error) => format!("# cannot encode: {error}\n# EOF\n"),
    }
}

#[derive(Debug)]
struct Snapshot {
    stats: Stats,
    daemon: Status,
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut encoder = Encoder { inner: &mut encoder };
        self.backend_counters(&mut encoder)?;
        self.backend_gauges(&mut encoder)?;
        self.path(&mut encoder)?;
        self.process(&mut encoder)
    }
}

impl Snapshot {
    fn backend_counters(&self, encoder: &mut Encoder<'_, '_>) -> fmt::Result {
        let counter = |value: fn(&BackendStats) -> u64| {
            self.each_backend(move |backend| ConstCounter::new(value(backend)))
        };
        let help = "Packets from clients to a backend";
        encoder.family("backend_packets", help, None, counter(|backend| backend.packets))?;
        let help = "Bytes from clients to a backend, Ethernet headers included";
        let unit = Some(&Unit::Bytes);
        encoder.family("backend", help, unit, counter(|backend| backend.bytes))?;
        let help = "New flows to a backend";
        encoder.family(
            "backend_connections",
            help,
            None,
            counter(|backend| backend.connections),
        )?;
        let help = "Requests to a backend as layer 4 sees them";
        encoder.family("backend_queries", help, None, counter(|backend| backend.queries))
    }

    fn backend_gauges(&self, encoder: &mut Encoder<'_, '_>) -> fmt::Result {
        let gauge = |value: fn(&BackendStats) -> u64| {
            self.each_backend(move |backend| ConstGauge::new(value(backend)))
        };
        let help = "Whether a backend takes new flows";
        let up = |backend: &BackendStats| u64::from(backend.state == BackendState::Healthy);
        encoder.family("backend_up", help, None, gauge(up))?;
        let help = "Share of new flows relative to the other backends";
        encoder.family("backend_weight", help, None, gauge(|backend| backend.weight.into()))?;
        let help = "Connections that are remembered and were seen lately";
        let active = gauge(|backend| backend.active_connections);
        encoder.family("backend_active_connections", help, None, active)
    }

    fn path(&self, encoder: &mut Encoder<'_, '_>) -> fmt::Result {
        let drops = self.stats.drops.iter();
        let drops =
            drops.map(|(reason, count)| ([("reason", reason.as_str())], ConstCounter::new(*count)));
        encoder.family("drops", "Dropped packets by reason", None, drops)?;
        let rules = || {
            self.stats.firewall.iter().map(|rule| {
                ([("rule", rule.rule.as_str()), ("action", action_name(rule.action))], rule)
            })
        };
        let packets = rules().map(|(labels, rule)| (labels, ConstCounter::new(rule.packets)));
        let help = "Packets that a firewall rule decided";
        encoder.family("firewall_rule_packets", help, None, packets)?;
        let bytes = rules().map(|(labels, rule)| (labels, ConstCounter::new(rule.bytes)));
        let help = "Bytes of the packets that a firewall rule decided";
        encoder.family("firewall_rule", help, Some(&Unit::Bytes), bytes)?;
        let events = self.daemon.events.iter();
        let events =
            events.map(|(event, count)| ([("event", event.as_str())], ConstCounter::new(*count)));
        encoder.family("events", "Rare events of the packet path", None, events)
    }

    fn process(&self, encoder: &mut Encoder<'_, '_>) -> fmt::Result {
        let uptime = ConstGauge::new(self.stats.uptime_seconds);
        let help = "Since the daemon started";
        let metric = encoder.inner.encode_descriptor(
            "uptime",
            help,
            Some(&Unit::Seconds),
            uptime.metric_type(),
        )?;
        uptime.encode(metric)?;
        let build = Info::new([("version", self.daemon.version.as_str())]);
        let help = "Version of the daemon";
        let metric = encoder.inner.encode_descriptor("build", help, None, build.metric_type())?;
        build.encode(metric)
    }

    fn each_backend<'a, M: EncodeMetric>(
        &'a self,
        metric: impl Fn(&BackendStats) -> M + 'a,
    ) -> impl Iterator<Item = ([(&'static str, &'a str); 2], M)> + 'a {
        let backends = |service: &'a ServiceStats| {
            service.backends.iter().map(move |backend| (service.name.as_str(), backend))
        };
        self.stats.services.iter().flat_map(backends).map(move |(service, backend)| {
            ([("service", service), ("backend", backend.name.as_str())], metric(backend))
        })
    }
}

struct Encoder<'a, 'b> {
    inner: &'a mut DescriptorEncoder<'b>,
}

impl Encoder<'_, '_> {
    /// One family; without a member it is left out.
    fn family<L: EncodeLabelSet, M: EncodeMetric>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        members: impl Iterator<Item = (L, M)>,
    ) -> fmt::Result {
        let mut members = members.peekable();
        let Some((_, first)) = members.peek() else { return Ok(()) };
        let kind: MetricType = first.metric_type();
        let mut family = self.inner.encode_descriptor(name, help, unit, kind)?;
        for (labels, metric) in members {
            metric.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

fn action_name(action: RuleAction) -> &'static str {
    match action {
        RuleAction::Pass => "pass",
        RuleAction::Drop => "drop",
    }
}
