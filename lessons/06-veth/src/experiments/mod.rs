//! One experiment per file.

mod arp;
mod bridge;
mod broken;
mod cable;
mod copies;
mod cost;
mod default_route;
mod global;
mod hops;
mod ip_netns;
mod ipvlan;
mod loopback;
mod macvlan;
mod modes;
mod named;
mod new_namespace;
mod own_stack;
mod parameters;
mod published_port;
mod read_only;
mod userland_proxy;
mod veth_pair;
mod vxlan;
mod way_out;

use ground::lesson::Experiment;

/// All, in reading order.
pub const ALL: &[Experiment] = &[
    new_namespace::EXPERIMENT,
    loopback::EXPERIMENT,
    veth_pair::EXPERIMENT,
    cable::EXPERIMENT,
    bridge::EXPERIMENT,
    way_out::EXPERIMENT,
    own_stack::EXPERIMENT,
    default_route::EXPERIMENT,
    modes::EXPERIMENT,
    hops::EXPERIMENT,
    broken::ROUTE,
    broken::FORWARDING,
    broken::FILTER,
    broken::MASQUERADE,
    arp::EXPERIMENT,
    published_port::EXPERIMENT,
    userland_proxy::EXPERIMENT,
    macvlan::EXPERIMENT,
    ipvlan::EXPERIMENT,
    cost::EXPERIMENT,
    vxlan::EXPERIMENT,
    parameters::EXPERIMENT,
    copies::EXPERIMENT,
    global::EXPERIMENT,
    read_only::EXPERIMENT,
    named::EXPERIMENT,
    ip_netns::EXPERIMENT,
];
