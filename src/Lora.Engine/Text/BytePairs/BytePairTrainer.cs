namespace Lora.Text;

/// <summary>
/// Learns a byte-level byte-pair encoding (Sennrich et al. 2016): the pair of neighbours that occurs most often becomes a token, again and
/// again; of equally frequent pairs the one of lower ids. The same texts always give the same file.
/// </summary>
public sealed class BytePairTrainer
{
    private readonly List<string> tokens;
    private readonly List<(string Left, string Right)> merges = [];
    private readonly List<(List<int> Symbols, int Count)> words;
    private readonly Dictionary<(int Left, int Right), long> pairs = [];

    private BytePairTrainer(IEnumerable<string> texts, BytePairTraining training)
    {
        tokens = [.. training.SpecialTokens, .. ByteAlphabet.All.Select(character => character.ToString())];
        words = [.. CountWords(texts).Select(word => (Symbols(word.Key, training.SpecialTokens.Count), word.Value))];
        foreach ((List<int> symbols, int count) in words)
        {
            CountPairs(symbols, count);
        }
    }

    /// <summary>Learns from texts and writes tokenizer.json and tokenizer_config.json.</summary>
    /// <param name="texts">What to learn from.</param>
    /// <param name="training">Size and special tokens.</param>
    /// <param name="folder">Where to write; made if it is not there.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size has no room for the special tokens and the 256 bytes.</exception>
    public static void Train(IEnumerable<string> texts, BytePairTraining training, string folder)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(training);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(training.VocabularySize, training.SpecialTokens.Count + 256, nameof(training));

        BytePairTrainer trainer = new(texts, training);
        while (trainer.tokens.Count < training.VocabularySize && trainer.LearnMerge())
        {
        }

        TokenizerWriter.Write(folder, training, trainer.tokens, trainer.merges);
    }

    private static Dictionary<string, int> CountWords(IEnumerable<string> texts)
    {
        ByteLevelPreTokenizer preTokenizer = new(addPrefixSpace: false, useRegex: true);
        return texts.SelectMany(text => preTokenizer.Split(new(text, null), PieceStart.OfText)).Select(word => word.Text)
            .CountBy(word => word, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
    }

    private static List<int> Symbols(string word, int firstByte)
    {
        List<byte> bytes = [];
        ByteAlphabet.Read(word, bytes);
        // The alphabet stands behind the special tokens, in the order of its bytes.
        return [.. bytes.Select(value => firstByte + value)];
    }

    private void CountPairs(List<int> symbols, int count)
    {
        for (int index = 0; index + 1 < symbols.Count; index++)
        {
            (int, int) pair = (symbols[index], symbols[index + 1]);
            pairs[pair] = pairs.GetValueOrDefault(pair) + count;
        }
    }

    /// <summary>Makes a token of the most frequent pair; false when no pair occurs twice.</summary>
    private bool LearnMerge()
    {
        KeyValuePair<(int Left, int Right), long> best = pairs
            .MinBy(pair => (-pair.Value, pair.Key.Left, pair.Key.Right));
        if (best.Value < 2)
        {
            return false;
        }

        (int left, int right) = best.Key;
        string merged = tokens[left] + tokens[right];
        merges.Add((tokens[left], tokens[right]));

        // Two different pairs may spell the same token; the vocabulary holds it once.
        int id = tokens.IndexOf(merged);
        if (id < 0)
        {
            id = tokens.Count;
            tokens.Add(merged);
        }

        foreach ((List<int> symbols, int count) in words)
        {
            // Most words lack the pair, and their counts need not be taken away and added again.
            if (Contains(symbols, left, right))
            {
                CountPairs(symbols, -count);
                Replace(symbols, left, right, id);
                CountPairs(symbols, count);
            }
        }

        // It stands nowhere any longer, and would be looked at for every merge to come.
        pairs.Remove(best.Key);
        return true;
    }

    private static bool Contains(List<int> symbols, int left, int right)
    {
        for (int index = 0; index + 1 < symbols.Count; index++)
        {
            if (symbols[index] == left && symbols[index + 1] == right)
            {
                return true;
            }
        }

        return false;
    }

    private static void Replace(List<int> symbols, int left, int right, int id)
    {
        for (int index = 0; index + 1 < symbols.Count; index++)
        {
            if (symbols[index] == left && symbols[index + 1] == right)
            {
                symbols[index] = id;
                symbols.RemoveAt(index + 1);
            }
        }
    }
}
