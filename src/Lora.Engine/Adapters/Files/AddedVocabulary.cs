using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using Lora.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// A model's vocabulary with special tokens behind its last (LoraConfig.NewToken), or with the rows that an adapter's tokens need. Each new row begins as the
/// mean of the table's others; what is trained of it are rows of single tokens, so that an adapter stays small and PEFT loads it on the model after
/// resize_token_embeddings.
/// </summary>
internal static class AddedVocabulary
{
    private const string Weight = "weight";

    /// <summary>The vocabulary that a configuration asks for; null when it asks for none.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="model">The base model: a folder, a .safetensors file, or a shard index.</param>
    /// <exception cref="LoraException">ConfigValueInvalid: a token that the vocabulary has already, or a tokenizer without tokenizer.json; or the model cannot be read.</exception>
    public static ResizedVocabulary? Of(LoraConfig config, string model)
    {
        if (config.NewToken is not { Length: > 0 })
        {
            return null;
        }

        using Checkpoint checkpoint = Checkpoint.Open(model);
        return Of(config, checkpoint, ModuleTree.Of(checkpoint), tokenizer: null);
    }

    /// <summary>The same for a checkpoint that is open, also where only ids of tokens beyond the model's rows ask for it.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="checkpoint">The base model.</param>
    /// <param name="tree">Its modules.</param>
    /// <param name="tokenizer">The folder of the tokenizer that has these tokens; null for the model's own.</param>
    public static ResizedVocabulary? Of(LoraConfig config, Checkpoint checkpoint, ModuleTree tree, string? tokenizer)
    {
        string[] names = config.NewToken ?? [];
        int highest = (config.TrainableToken ?? []).Select(token => token.Index).DefaultIfEmpty(-1).Max();
        if (tree.Embedding is not string embedding || tree.ParameterOf(embedding, Weight) is not { Shape: [long rows, _] } table || (names.Length == 0 && highest < rows))
        {
            return null;
        }

        int first = names.Length == 0 ? highest + 1 : FirstId(names, checkpoint.Folder ?? Path.GetDirectoryName(checkpoint.Path)!);
        int size = (int)Math.Max(rows, Math.Max(first + names.Length, highest + 1));
        // A padded table has rows for some of the tokens already, which nothing has trained: they begin anew too.
        int[] added = [.. Enumerable.Range(0, size).Where(id => id >= rows || (id >= first && id < first + names.Length))];
        TorchLibrary.Load();
        Dictionary<string, TensorData> weights = new(StringComparer.Ordinal) { [$"{embedding}.{Weight}"] = Extended(table, size, added, checkpoint) };
        if (OwnHead(tree) is (string head, TensorInfo own))
        {
            weights.Add($"{head}.{Weight}", Extended(own, size, added, checkpoint));
        }

        return new((int)rows, size, weights, names.Length == 0 ? tokenizer : null) { NewToken = names };
    }

    /// <summary>The configuration with the new tokens among those that are trained: in a list for a model whose head is its embedding, else for each of the two.</summary>
    public static LoraConfig Trained(LoraConfig config, string model)
    {
        if (config.NewToken is not { Length: > 0 } names)
        {
            return config;
        }

        using Checkpoint checkpoint = Checkpoint.Open(model);
        ModuleTree tree = ModuleTree.Of(checkpoint);
        int first = FirstId(names, checkpoint.Folder ?? Path.GetDirectoryName(checkpoint.Path)!);
        LoraTrainableToken[] given = config.TrainableToken ?? [];
        string? head = OwnHead(tree)?.Head;
        bool isTable = head is not null || given.Any(token => token.Module is not null);
        string?[] places = !isTable ? [null] : head is null ? [tree.Embedding] : [tree.Embedding, head];
        return config with
        {
            TrainableToken =
            [
                .. given.Select(token => isTable ? token with { Module = token.Module ?? tree.Embedding } : token),
                .. places.SelectMany(place => names.Select((_, index) => new LoraTrainableToken { Module = place, Index = first + index })),
            ],
        };
    }

    private static int FirstId(string[] names, string folder)
    {
        Tokenizer tokenizer = Tokenizer.Load(folder);
        if (!File.Exists(Path.Combine(folder, AddedTokenFiles.Main)))
        {
            // Said before a training, and not when its adapter is written.
            throw LoraException.Of(LoraError.ConfigValueInvalid, folder, nameof(LoraConfig.NewToken), $"given for '{folder}'", $"a model with {AddedTokenFiles.Main}: tokens are added to no other file of a tokenizer");
        }

        LoraException.ThrowIfAny([.. names.Where(name => tokenizer.IdOf(name) is not null).Select(name => new LoraProblem(
            LoraError.ConfigValueInvalid, name, nameof(LoraConfig.NewToken), $"'{name}', which is the token {tokenizer.IdOf(name)}", $"tokens that the vocabulary lacks; {nameof(LoraConfig.TrainableToken)} trains those that it has"))]);
        return tokenizer.VocabularySize;
    }

    /// <summary>The head with a weight of its own; null where it is the embedding's, or there is none.</summary>
    private static (string Head, TensorInfo Weight)? OwnHead(ModuleTree tree) =>
        tree.Head is string head && tree.Tied is null && tree.Nodes.GetValueOrDefault(head)?.Weight is TensorInfo own && own.Shape.Length == 2 ? (head, own) : null;

    private static TensorData Extended(TensorInfo table, int size, int[] added, Checkpoint checkpoint)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor own = empty(table.Shape, dtype: TensorType.Of(table.DataType), device: CPU); // [rows, width]
        WeightReader.Fill([(own, table)], checkpoint);
        Tensor whole = empty([size, table.Shape[1]], dtype: own.dtype, device: CPU); // [size, width]
        whole.narrow(0, 0, table.Shape[0]).copy_(own);
        // In float32: a sum of so many rows would lose the later ones in half precision.
        Tensor mean = own.mean([0], type: ScalarType.Float32).to(own.dtype); // [width]
        whole.index_copy_(0, tensor(added, dtype: ScalarType.Int64), mean.unsqueeze(0).expand(added.Length, -1));
        return new("", table.DataType, whole.shape, whole.bytes.ToArray());
    }
}
