using System.Globalization;

namespace Slipway.BuildKit.Progress;

/// <summary>One line of a step's output: when it began, and its bytes as the step wrote them.</summary>
public sealed class LogLine(string prefix)
{
    private byte[] _text = [];
    private int _length;

    /// <summary>Seconds since the step began, and a space.</summary>
    public string Prefix { get; } = prefix;

    public ReadOnlySpan<byte> Text => _text.AsSpan(0, _length);

    internal void Append(ReadOnlySpan<byte> bytes)
    {
        if (_length + bytes.Length > _text.Length)
        {
            Array.Resize(ref _text, Math.Max(_length + bytes.Length, _text.Length * 2));
        }

        bytes.CopyTo(_text.AsSpan(_length));
        _length += bytes.Length;
    }

    /// <summary>Three decimals below ten seconds, two below a hundred, then one.</summary>
    internal static string PrefixFor(double seconds) => $"{FixedPoint.Format(seconds, seconds < 10 ? 3 : seconds < 100 ? 2 : 1)} ";

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{System.Text.Encoding.UTF8.GetString(Text)}");
}
