//! Servers and clients, the interfaces, and the parameters of a network namespace.

use std::fmt::Display;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::{Verb, number};
use crate::output::{call, say};
use crate::{During, Failure, Result, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "interfaces", args: "", run: interfaces },
    Verb { name: "sysctl", args: "<NAME> [VALUE]", run: sysctl },
    Verb { name: "raw-socket", args: "", run: raw_socket },
    Verb { name: "tcp-serve", args: "<ADDRESS:PORT> [COUNT]", run: tcp_serve },
    Verb { name: "tcp-ask", args: "<ADDRESS:PORT>", run: tcp_ask },
    Verb { name: "tcp-relay", args: "<ADDRESS:PORT> <TO:PORT>", run: tcp_relay },
    Verb { name: "udp-serve", args: "<ADDRESS:PORT> [COUNT]", run: udp_serve },
    Verb { name: "udp-ask", args: "<ADDRESS:PORT>", run: udp_ask },
    Verb { name: "udp-connect", args: "<ADDRESS:PORT>", run: udp_connect },
    Verb { name: "tcp-drain", args: "<ADDRESS:PORT>", run: tcp_drain },
    Verb { name: "tcp-pump", args: "<ADDRESS:PORT> <MIB>", run: tcp_pump },
];

/// A client waits no longer than this.
const PATIENCE: Duration = Duration::from_secs(2);

fn interfaces(_: &[String]) -> Result {
    say!("interfaces {}", sys::net::interfaces().during("if_nameindex")?.join(" "))
}

/// A parameter by its dotted name; with a slash it is a path below `/proc/sys`, for names of interfaces with a dot.
fn sysctl(args: &[String]) -> Result {
    let name = &args[0];
    let path = if name.contains('/') { name.clone() } else { name.replace('.', "/") };
    let path = format!("/proc/sys/{path}");
    if let Some(value) = args.get(1) {
        let file = fs::OpenOptions::new().write(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(format!("{value}\n").as_bytes()));
        call(format_args!("write({path:?})"), written)?;
    }
    let value = fs::read_to_string(&path).during(format_args!("read({path})"))?;
    say!("{name} {}", value.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn raw_socket(_: &[String]) -> Result {
    call("socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)", sys::net::raw_icmp(false)).map(drop)
}

fn address(word: &str) -> Result<SocketAddr> {
    let wrong = || Failure::Usage(format!("`{word}` is not like 10.0.0.1:80 or [fd00::1]:80"));
    word.parse().map_err(|_| wrong())
}

fn count(args: &[String]) -> Result<usize> {
    args.get(1).map_or(Ok(1), |word| number(word))
}

/// Makes one of the calls that a network refuses, and says how it went.
fn asked<T>(name: &str, at: SocketAddr, result: io::Result<T>) -> Result<T> {
    call(format_args!("{name}({at})"), result)
}

/// Who the peer is, in its own words and in ours: address translation makes the difference.
fn met(kind: &str, peer: impl Display) -> Result {
    say!("{kind} {peer}")
}

/// Tells every client the address from which it came.
fn tcp_serve(args: &[String]) -> Result {
    let (at, count) = (address(&args[0])?, count(args)?);
    let listener = asked("bind", at, TcpListener::bind(at))?;
    say!("listening {at}")?;
    for _ in 0..count {
        let (mut stream, peer) = listener.accept().during("accept")?;
        met("peer", peer.ip())?;
        // A client that has left is no failure of the server.
        let _ = writeln!(stream, "{}", peer.ip());
    }
    Ok(())
}

fn tcp_ask(args: &[String]) -> Result {
    let at = address(&args[0])?;
    let mut stream = asked("connect", at, TcpStream::connect_timeout(&at, PATIENCE))?;
    met("local", stream.local_addr().during("getsockname")?.ip())?;
    stream.set_read_timeout(Some(PATIENCE)).during("setsockopt")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).during("read")?;
    say!("answer {}", answer.trim_end())
}

/// Passes on what clients send, one after the other, and what is answered: a proxy. The server sees it as its client.
fn tcp_relay(args: &[String]) -> Result {
    let (at, to) = (address(&args[0])?, address(&args[1])?);
    let listener = asked("bind", at, TcpListener::bind(at))?;
    say!("listening {at}")?;
    loop {
        let (mut client, peer) = listener.accept().during("accept")?;
        met("peer", peer.ip())?;
        let mut server = asked("connect", to, TcpStream::connect_timeout(&to, PATIENCE))?;
        let both = (client.try_clone().during("dup")?, server.try_clone().during("dup")?);
        std::thread::spawn(move || {
            let (mut client, mut server) = both;
            // Whichever side ends first ends the other; there is nobody to tell.
            let _ = io::copy(&mut client, &mut server);
            let _ = server.shutdown(Shutdown::Write);
        });
        let _ = io::copy(&mut server, &mut client);
        let _ = client.shutdown(Shutdown::Both);
    }
}

fn udp_serve(args: &[String]) -> Result {
    let (at, count) = (address(&args[0])?, count(args)?);
    let socket = asked("bind", at, UdpSocket::bind(at))?;
    say!("listening {at}")?;
    for _ in 0..count {
        let (_, peer) = socket.recv_from(&mut [0; 64]).during("recvfrom")?;
        met("peer", peer.ip())?;
        socket.send_to(peer.ip().to_string().as_bytes(), peer).during("sendto")?;
    }
    Ok(())
}

fn udp_ask(args: &[String]) -> Result {
    let socket = connected(address(&args[0])?)?;
    socket.set_read_timeout(Some(PATIENCE)).during("setsockopt")?;
    socket.send(b"who am I").during("send")?;
    let mut answer = [0; 64];
    let length = socket.recv(&mut answer).during("recv")?;
    say!("answer {}", String::from_utf8_lossy(&answer[..length]))
}

/// Sends nothing: the kernel looks for a route, and chooses the address to send from.
fn udp_connect(args: &[String]) -> Result {
    connected(address(&args[0])?).map(drop)
}

fn connected(at: SocketAddr) -> Result<UdpSocket> {
    let any = if at.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
    let socket = UdpSocket::bind(any).during("bind")?;
    asked("connect", at, socket.connect(at))?;
    met("local", socket.local_addr().during("getsockname")?.ip())?;
    Ok(socket)
}

/// Reads from one client to the end, and says how fast it came.
fn tcp_drain(args: &[String]) -> Result {
    let at = address(&args[0])?;
    let listener = asked("bind", at, TcpListener::bind(at))?;
    say!("listening {at}")?;
    let (mut stream, _) = listener.accept().during("accept")?;
    let (start, mut buffer, mut bytes) = (Instant::now(), vec![0; 1 << 16], 0);
    loop {
        match stream.read(&mut buffer).during("read")? {
            0 => break,
            length => bytes += length,
        }
    }
    say!("us {}", start.elapsed().as_micros())?;
    say!("bytes {bytes}")
}

fn tcp_pump(args: &[String]) -> Result {
    let (at, mib) = (address(&args[0])?, number::<usize>(&args[1])?);
    let mut stream = asked("connect", at, TcpStream::connect_timeout(&at, PATIENCE))?;
    let buffer = vec![0; 1 << 16];
    (0..mib << 4).try_for_each(|_| stream.write_all(&buffer)).during("write")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port() {
        assert!(address("10.0.0.1:80").is_ok() && address("[::1]:80").is_ok());
        assert!(["10.0.0.1", "::1:80", "host:80", "10.0.0.1:65536"].map(address).iter().all(Result::is_err));
    }

    #[test]
    fn every_namespace_has_lo() {
        assert!(sys::net::interfaces().is_ok_and(|names| names.contains(&"lo".to_owned())));
    }
}
