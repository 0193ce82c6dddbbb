//! The list of detectors, in the order of subjects.

use crate::Detector;

/// Every detector that ships.
pub fn catalog() -> &'static [&'static dyn Detector] {
    &[
        &crate::workloads::Workloads,
        &crate::workloads::PodReadiness,
        &crate::workloads_zero::ScaledToZero,
        &crate::rollouts::Rollouts,
        &crate::jobs::Jobs,
        &crate::autoscale::Autoscalers,
        &crate::budgets::Budgets,
        &crate::risks::Risks,
        &crate::services::Services,
        &crate::service_ports::ServicePorts,
        &crate::port_clash::PortClash,
        &crate::endpoints::Endpoints,
        &crate::endpoints::Reachability,
        &crate::addresses::Addresses,
        &crate::addresses_swapped::SwappedAddresses,
        &crate::routes::Routes,
        &crate::routes_config::RoutingTables,
        &crate::policies::Policies,
        &crate::dns::Dns,
        &crate::network_agents::NetworkAgents,
    ]
}
