using System.Net;
using System.Net.Sockets;

namespace Slipway.Builder.Listening;

/// <summary>Handshakes that have begun and not ended.</summary>
/// <remarks>Nobody waits for a place: a stranger who opens connections and says nothing would keep builds out. When all places are taken, the
/// oldest handshake of the address that has most of them is cut, so that a flood crowds out itself.</remarks>
internal sealed class HandshakeRoom(int placesMax)
{
    private const int Ipv6NetworkBytes = 8;

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, LinkedList<Place>> _places = [];
    private int _count;

    public Place Enter(IPAddress peer)
    {
        var place = new Place(this, NetworkOf(peer));
        Place? crowdedOut = null;
        lock (_lock)
        {
            if (_count >= placesMax)
            {
                crowdedOut = _places.Values.MaxBy(own => own.Count)!.First!.Value;
                Remove(crowdedOut);
            }

            if (!_places.TryGetValue(place.Network, out var places))
            {
                _places[place.Network] = places = [];
            }

            place.Node = places.AddLast(place);
            _count++;
        }

        crowdedOut?.Cut();
        return place;
    }

    private void Leave(Place place)
    {
        lock (_lock)
        {
            Remove(place);
        }
    }

    private void Remove(Place place)
    {
        if (place.Node?.List is not { } places)
        {
            return;
        }

        places.Remove(place.Node);
        _count--;
        if (places.Count == 0)
        {
            _places.Remove(place.Network);
        }
    }

    /// <summary>An IPv6 host has a whole /64 to choose addresses from (RFC 4291 §2.5.1).</summary>
    private static IPAddress NetworkOf(IPAddress peer)
    {
        if (peer.IsIPv4MappedToIPv6)
        {
            return peer.MapToIPv4();
        }

        if (peer.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return peer;
        }

        var bytes = peer.GetAddressBytes();
        bytes.AsSpan(Ipv6NetworkBytes).Clear();
        return new IPAddress(bytes);
    }

    internal sealed class Place(HandshakeRoom room, IPAddress network) : IDisposable
    {
        private readonly CancellationTokenSource _crowdedOut = new();

        public IPAddress Network { get; } = network;

        public LinkedListNode<Place>? Node { get; set; }

        /// <summary>Fires when the place is given to somebody else.</summary>
        public CancellationToken CrowdedOut => _crowdedOut.Token;

        // Not disposed: it may be cut by a newcomer at the moment when the handshake ends.
        public void Cut() => _crowdedOut.Cancel();

        public void Dispose() => room.Leave(this);
    }
}
