using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Lora.Data;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Hidden states of documents at one block of one model, from one epoch, or one configuration, to the next.</summary>
/// <param name="block">The block whose input is kept.</param>
/// <param name="store">Where the values lie; owned. Null keeps nothing.</param>
internal sealed class PrefixCache(int block, IPrefixStore? store) : IDisposable
{
    // By the ids, on which hidden states hang alone: another order, batch or encoding finds the same document, and no example is held for it.
    private readonly Dictionary<UInt128, int> places = [];
    private IPrefixStore? store = store;

    /// <summary>The block whose input is kept.</summary>
    public int Block => block;

    /// <summary>Documents that are kept.</summary>
    public int Count => places.Count;

    /// <summary>Is told when the store fails; of the run that uses the cache at present.</summary>
    public Action<string>? OnFailure { get; set; }

    /// <summary>Keeps a document's hidden states, [tokens, hidden]. Where that cannot be, it does not: a cache saves time, and its lack ends no run.</summary>
    public void Add(TrainingExample example, Tensor hidden)
    {
        if (store is not null)
        {
            Try(store => places.Add(Key(example), store.Add(hidden)));
        }
    }

    /// <summary>Fills in a document's hidden states, [tokens, hidden]; false when they are not kept.</summary>
    public bool TryRead(TrainingExample example, Tensor destination) =>
        places.TryGetValue(Key(example), out int place) && Try(store => store.Read(place, destination));

    /// <inheritdoc/>
    public void Dispose()
    {
        store?.Dispose();
        store = null;
        places.Clear();
    }

    private static UInt128 Key(TrainingExample example)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(MemoryMarshal.AsBytes(example.Ids.AsSpan()), hash);
        return MemoryMarshal.Read<UInt128>(hash);
    }

    private bool Try(Action<IPrefixStore> use)
    {
        try
        {
            use(store!);
            return true;
        }
        catch (IOException exception)
        {
            // All of it goes: on a full disk the room is worth more to the run's own files, and to everybody else.
            Dispose();
            OnFailure?.Invoke($"Hidden states are no longer kept: {exception.Message} The run goes on and computes them each time.");
            return false;
        }
    }
}
