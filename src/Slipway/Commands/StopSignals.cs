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
