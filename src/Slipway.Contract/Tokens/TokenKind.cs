namespace Slipway.Contract.Tokens;

/// <summary>What a Slipway token is for; the letter after <c>slp</c>.</summary>
public enum TokenKind
{
    User = 'u',
    Organization = 'o',
    Project = 'p',
    Build = 'b',
    Pull = 'r',
    Builder = 'a',
    Join = 'j',
    DevicePoll = 'd',
}
