using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Lora.Models;
using Lora.Native;
using Lora.Text;
using Lora.Tools.ExampleModel;

// Makes examples/model and examples/data anew: dotnet run -c Release --project tools/ExampleModel [-- steps]
// With 0 steps it makes the data alone.
const int Tales = 12000;
const int Window = 128;
const int BatchSize = 16;
int steps = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 2000;
string root = Assembly.GetExecutingAssembly().GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "RepositoryRoot").Value!;
string folder = Directory.CreateDirectory(Path.Combine(root, "examples", "model")).FullName;
string data = Directory.CreateDirectory(Path.Combine(root, "examples", "data")).FullName;
foreach ((string name, (IReadOnlyList<string> train, IReadOnlyList<string> validation)) in new[] { ("animal-notes", AnimalNotes.Rows()), ("animal-chats", AnimalChats.Rows()) })
{
    File.WriteAllLines(Path.Combine(data, $"{name}.train.jsonl"), train);
    File.WriteAllLines(Path.Combine(data, $"{name}.validation.jsonl"), validation);
}

if (steps == 0)
{
    return;
}

TorchLibrary.Load();
TorchSharp.torch.set_num_threads(1);
StoryTeller teller = new(seed: 11);
string[] tales = [.. Enumerable.Range(0, Tales).Select(_ => teller.Tell())];
BytePairTrainer.Train(tales, new BytePairTraining { VocabularySize = 512 }, folder);
Tokenizer tokenizer = Tokenizer.Load(folder);
int[] stream = [.. tales.SelectMany(tale => tokenizer.Encode(tale).Append(tokenizer.EndOfSequenceId!.Value))];
Console.WriteLine($"{tales.Length} tales, {stream.Length} tokens, {tokenizer.VocabularySize} tokens in the vocabulary");

DecoderSizes sizes = new()
{
    VocabularySize = tokenizer.VocabularySize,
    HiddenSize = 128,
    IntermediateSize = 352,
    Layers = 4,
    Heads = 4,
    KeyValueHeads = 2,
    HeadDimension = 32,
    NormEpsilon = 1e-5,
    Rope = new RopeParameters(10000),
    IsTied = true,
};
Stopwatch clock = Stopwatch.StartNew();
Pretraining pretraining = new(sizes, stream, Window, BatchSize, steps);
using CausalLanguageModel model = pretraining.Run();
ModelFolder.Write(model, sizes, contextLength: 512, folder);
Console.WriteLine(FormattableString.Invariant($"{steps} steps of {BatchSize} x {Window} tokens in {clock.Elapsed.TotalSeconds:F0} s, last loss {pretraining.Losses.TakeLast(100).Average():F4}"));
foreach (string prompt in new[] { "Once upon a time", "In the wood", "Tell me about the fox." })
{
    int[] next = GreedyDecoder.Continue(model, tokenizer.Encode(prompt), 80, [tokenizer.EndOfSequenceId!.Value], null, CancellationToken.None);
    Console.WriteLine($"> {prompt}{tokenizer.Decode(next)}");
}
