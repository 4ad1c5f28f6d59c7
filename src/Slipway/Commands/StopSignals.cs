using System.Runtime.InteropServices;

namespace Slipway.Commands;

/// <summary>SIGTERM or Ctrl-C drains; the second one stops at once.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _drain = new();
    private readonly CancellationTokenSource _halt = new();
    private readonly PosixSignalRegistration[] _registrations;

    public StopSignals() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),

        // The runtime would set the terminal again, for which the kernel stops a process in the background.
        .. OperatingSystem.IsLinux() ? [PosixSignalRegistration.Create(PosixSignal.SIGCONT, signal => signal.Cancel = true)] : Array.Empty<PosixSignalRegistration>(),
    ];

    public CancellationToken Drain => _drain.Token;

    public CancellationToken Halt => _halt.Token;

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }

        _drain.Dispose();
        _halt.Dispose();
    }

    private void Handle(PosixSignalContext signal)
    {
        signal.Cancel = true;
        if (_drain.IsCancellationRequested)
        {
            _halt.Cancel();
        }
        else
        {
            _drain.Cancel();
        }
    }
}
