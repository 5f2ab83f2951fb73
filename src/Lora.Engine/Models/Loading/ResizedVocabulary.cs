using Lora.Checkpoints;
using Lora.Text;

namespace Lora.Models;

/// <summary>A vocabulary of another size than the model's, as it is after transformers' resize_token_embeddings: the tables come whole from an adapter.</summary>
/// <param name="From">Rows of the model's own tables.</param>
/// <param name="Size">Rows of the new ones.</param>
/// <param name="Weights">By their names in the model, for example <c>model.embed_tokens.weight</c>, [Size, hidden]. A tied head is not among them.</param>
/// <param name="Tokenizer">The folder of the tokenizer that goes with it; null for the model's own.</param>
internal sealed record ResizedVocabulary(int From, int Size, IReadOnlyDictionary<string, TensorData> Weights, string? Tokenizer)
{
    /// <summary>Special tokens that come behind the last of the model's own tokenizer.</summary>
    public IReadOnlyList<string> NewToken { get; init; } = [];

    /// <summary>Reads the tokenizer that goes with it.</summary>
    /// <param name="folder">The model's folder.</param>
    public Tokenizer ReadTokenizer(string folder) => Text.Tokenizer.Load(Tokenizer ?? folder, NewToken);
}
