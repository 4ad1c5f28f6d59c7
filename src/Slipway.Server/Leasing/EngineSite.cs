using Slipway.Server.Builders;

namespace Slipway.Server.Leasing;

/// <summary>A builder and which of its project's engines is meant.</summary>
internal sealed record EngineSite(AttachedBuilder Builder, string Architecture);
