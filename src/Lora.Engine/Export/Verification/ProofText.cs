using Lora.Data;
using Lora.Models;
using Lora.Text;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>The tokens that a written model is held against its base on: the first rows of a dataset, or a text of our own.</summary>
/// <param name="Name">What they are, for people.</param>
/// <param name="Rows">Ids of each row; at least one row with one id.</param>
internal sealed record ProofText(string Name, IReadOnlyList<int[]> Rows)
{
    // As many as leave room for the logits of a vocabulary of 256k: 250 MB.
    private const int MostTokens = 256;
    private const int MostRows = 4;
    private const int DrawnTokens = 64;

    private const string Own = """
        The harbour was quiet before sunrise. A woman in a blue coat counted the boats: seven, eight, nine. "Where is the tenth?" she asked.
        Nobody answered, so she wrote it down: on 14 March at 05:40, boat No. 10 was missing; the tide stood at 2.6 m and the wind came from the north-west.
        def mean(values): return sum(values) / len(values)  # of at least one value
        Le café ouvre à huit heures; in Zürich schließt es früher. 水は高い所から低い所へ流れる。
        """;

    /// <summary>Chooses them.</summary>
    /// <param name="shape">The model.</param>
    /// <param name="tokenizer">Its tokenizer; null where the folder has none, and ids are drawn then.</param>
    /// <param name="template">What writes conversations.</param>
    /// <param name="options">Names the dataset, where there is one.</param>
    /// <param name="cancellation">Checked at each row.</param>
    /// <exception cref="LoraException">The dataset cannot be read.</exception>
    public static ProofText Of(TaskShape shape, Tokenizer? tokenizer, ChosenTemplate template, ModelMergeOptions options, CancellationToken cancellation)
    {
        int longest = Math.Min(MostTokens, Math.Min(shape.Positions ?? int.MaxValue, shape.LearnedPositions?.Count ?? int.MaxValue));
        if (tokenizer is not null && options.Dataset.Count > 0)
        {
            int most = Math.Max(DatasetOptions.ShortestLength, Math.Min(longest, MostTokens / MostRows));
            DatasetOptions rows = new()
            {
                Data = options.Data,
                Chat = ChatEncoder.Of(template, tokenizer, options.Data, TimeProvider.System),
                MaxLength = most,
                VocabularySize = shape.VocabularySize,
                Positions = shape.Positions,
                Task = shape.Task,
            };
            using Dataset dataset = Dataset.Load(options.Dataset, tokenizer, rows, cancellation: cancellation);
            int[][] first = [.. dataset.Stream().Take(MostRows).Select(row => row.Ids)];
            return new($"the first {first.Length} rows of {string.Join(", ", options.Dataset.Select(path => Path.GetFileName(path)))}", first);
        }

        int[] ids = tokenizer is null ? [] : [.. tokenizer.Encode(Own).Where(id => id < shape.VocabularySize).Take(longest)];
        return ids.Length > 0 ? new("a text", [ids]) : Drawn(shape.VocabularySize, Math.Min(longest, DrawnTokens));
    }

    /// <summary>The ids side by side, [rows, tokens], 0 behind the shorter ones, and the places that have an id of their own.</summary>
    public (Tensor Ids, long[] Places) ToTensor()
    {
        int width = Rows.Max(row => row.Length);
        long[] flat = new long[Rows.Count * width];
        List<long> places = [];
        for (int index = 0; index < flat.Length; index++)
        {
            int[] row = Rows[index / width];
            if (index % width < row.Length)
            {
                flat[index] = row[index % width];
                places.Add(index);
            }
        }

        return (tensor(flat, [Rows.Count, width], dtype: ScalarType.Int64, device: CPU), [.. places]);
    }

    private static ProofText Drawn(int vocabulary, int count)
    {
        SplitMix64 draws = new(1);
        return new("ids drawn at random", [[.. Enumerable.Range(0, count).Select(_ => draws.Next(vocabulary))]]);
    }
}
