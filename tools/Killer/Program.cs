using System.Globalization;
using Lora.Tools.Killer;

// dotnet run -c Release --project tools/Killer -- 500 [SEED] : kills that many runs, goes on with each, and compares what they come to.
// run FOLDER [MOMENT] : a run that ends itself at a moment.
// export FORM MODEL ADAPTER OUTPUT [MOMENT] : an export that ends itself at a moment.
// stop STAGE MODEL ROWS OUTPUT : a run that is given Ctrl+C in a stage.
return args switch
{
    ["run", string folder] => KilledRun.Run(folder, moment: "", Say),
    ["run", string folder, string moment] => KilledRun.Run(folder, moment, Say),
    ["export", string form, string model, string adapter, string output] => KilledExport.Run(form, model, adapter, output, moment: ""),
    ["export", string form, string model, string adapter, string output, string moment] => KilledExport.Run(form, model, adapter, output, moment),
    ["stop", string stage, string model, string rows, string output] => StoppedRun.Run(stage, model, rows, output),
    [string kills] when int.TryParse(kills, NumberStyles.None, CultureInfo.InvariantCulture, out int count) => Campaign.Run(count, seed: 1),
    [string kills, string seed] when int.TryParse(kills, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
        && int.TryParse(seed, NumberStyles.None, CultureInfo.InvariantCulture, out int number) => Campaign.Run(count, number),
    _ => Usage(),
};

static void Say(int step) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{KilledRun.StepLine}{step}"));

static int Usage()
{
    Console.Error.WriteLine("usage: dotnet run -c Release --project tools/Killer -- KILLS [SEED]");
    return 2;
}
