import Keeper
import Metrics
import NRI
import Testing

@testable import Daemon

@Suite("the calls of the runtime are measured")
struct CallMeterTests {
  private struct Refused: Error {}
  private let counts = MetricRegistry()
  private let meter: CallMeter

  init() { meter = CallMeter(counts) }

  private var lines: [Substring] {
    MetricText.text(of: [NodeMetric.callSeconds, NodeMetric.callErrors], counts.values).split(separator: "\n")
  }

  @Test("each call is counted under its name, and so is each error")
  func counted() {
    let create = PluginCall.containerEvent(.createContainer, PodSandbox(), Container())
    for _ in 0..<3 { meter.during(create) {} }
    #expect(throws: Refused.self) { try meter.during(create) { throw Refused() } }
    meter.during(.podEvent(.runPodSandbox, PodSandbox())) {}
    meter.during(.unused) {}
    #expect(lines.contains(#"stockade_nri_call_duration_seconds_count{call="CreateContainer"} 4"#))
    #expect(lines.contains(#"stockade_nri_call_duration_seconds_count{call="RunPodSandbox"} 1"#))
    #expect(lines.contains(#"stockade_nri_call_errors_total{call="CreateContainer"} 1"#))
    #expect(lines.contains(#"stockade_nri_call_errors_total{call="RunPodSandbox"} 0"#))
    #expect(lines.filter { $0.contains("_count{") }.count == 2)
  }

  @Test("a call that is not answered for long is told, with its name, until it is answered")
  func stuck() {
    #expect(meter.problem(over: .zero) == nil)
    meter.during(.synchronize(pods: [], containers: [], more: false)) {
      let later = SuspendingClock.now + .seconds(20)
      #expect(meter.problem(over: .seconds(30), now: later) == nil)
      #expect(
        meter.problem(over: .seconds(15), now: later) == "the call Synchronize of the runtime is not answered for 20 s")
    }
    #expect(meter.problem(over: .zero, now: .now + .seconds(99)) == nil)
  }

  @Test("a session's watch measures if it has a meter")
  func watch() {
    let watch = SessionWatch(Heartbeat())
    watch.during(.podEvent(.runPodSandbox, PodSandbox())) {}
    #expect(lines == [])
    watch.meter = meter
    watch.during(.podEvent(.runPodSandbox, PodSandbox())) {}
    #expect(lines.contains(#"stockade_nri_call_duration_seconds_count{call="RunPodSandbox"} 1"#))
  }
}
