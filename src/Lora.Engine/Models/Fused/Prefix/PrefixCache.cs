using Lora.Data;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Hidden states of documents at one block of one model, from one epoch, or one configuration, to the next.</summary>
/// <param name="block">The block whose input is kept.</param>
/// <param name="store">Where the values lie; owned.</param>
internal sealed class PrefixCache(int block, IPrefixStore store) : IDisposable
{
    // By the example itself, not by its number: another order or batch finds the same document.
    private readonly Dictionary<TrainingExample, int> places = [];

    /// <summary>The block whose input is kept.</summary>
    public int Block => block;

    /// <summary>Documents that are kept.</summary>
    public int Count => places.Count;

    /// <summary>Whether a document is kept.</summary>
    public bool Has(TrainingExample example) => places.ContainsKey(example);

    /// <summary>Keeps a document's hidden states, [tokens, hidden].</summary>
    public void Add(TrainingExample example, Tensor hidden) => places.Add(example, store.Add(hidden));

    /// <summary>Fills in a document's hidden states, [tokens, hidden].</summary>
    public void Read(TrainingExample example, Tensor destination) => store.Read(places[example], destination);

    /// <inheritdoc/>
    public void Dispose() => store.Dispose();
}
