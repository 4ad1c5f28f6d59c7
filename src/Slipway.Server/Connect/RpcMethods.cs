using System.Collections.Frozen;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Build.V1;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Depot.Cli.V1Beta1;
using Slipway.Contract.Depot.Core.V1;
using Slipway.Contract.Fleet.V1;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Slipway.Server.Connect;

/// <summary>Every method that this server has, by its path: what its messages are, and how long it may take.</summary>
internal static class RpcMethods
{
    private static readonly JsonParser JsonIn = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));
    private static readonly JsonFormatter JsonOut = new(JsonFormatter.Settings.Default);

    /// <summary>A service that is served belongs in this list; a test compares it with the mapped endpoints.</summary>
    public static IReadOnlyList<ServiceDescriptor> Services { get; } =
    [
        BuildService.Descriptor, ProjectsService.Descriptor, LoginService.Descriptor, OrganizationService.Descriptor,
        ProjectService.Descriptor, RegistryService.Descriptor, PushService.Descriptor, FleetService.Descriptor, AdminService.Descriptor,
    ];

    private static readonly FrozenDictionary<string, MethodDescriptor> ByPath = Services
        .SelectMany(service => service.Methods)
        .ToFrozenDictionary(method => $"/{method.Service.FullName}/{method.Name}", StringComparer.Ordinal);

    public static MethodDescriptor? Find(string path) => ByPath.GetValueOrDefault(path);

    public static byte[] JsonToProto(MessageDescriptor type, string json) => JsonIn.Parse(json, type).ToByteArray();

    public static string ProtoToJson(MessageDescriptor type, byte[] message) => JsonOut.Format(type.Parser.ParseFrom(message));

    public static bool IsStream(this MethodDescriptor method) => method.IsClientStreaming || method.IsServerStreaming;
}
